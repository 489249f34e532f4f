using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Coordination;

/// <summary>
/// The results of many shards as one block of bytes: numbers side by side instead of a field each, which is most of what a
/// step with thousands of shards costs. Little endian.
/// </summary>
internal static class ShardResultPack
{
    private const byte Generate = 1;
    private const byte Score = 2;
    private const byte Update = 3;

    /// <summary>Appends a shard's result.</summary>
    /// <returns>False: this kind is not packed; it goes as it is.</returns>
    public static bool TryWrite(ArrayBufferWriter<byte> output, int shard, ShardResult result)
    {
        switch (result)
        {
            case GenerateResult generate:
                Head(output, shard, Generate);
                Write(output, generate.Lengths.Length);
                WriteAll(output, generate.Lengths.AsSpan());
                WriteAll(output, generate.Stopped.AsSpan());
                WriteAll(output, generate.TokensHashes.AsSpan());
                return true;
            case ScoreResult score:
                Head(output, shard, Score);
                Write(output, score.Columns.Length);
                foreach (var column in score.Columns) { WriteColumn(output, column); }
                return true;
            case UpdateResult update:
                Head(output, shard, Update);
                WriteAll<long>(output, [update.Tokens]);
                WriteAll<double>(output, [update.Loss, update.Clipped, update.DualClipped, update.PolicyKl, update.ReferenceKl, update.Entropy, update.SamplerDifference, update.Selected, update.ValueLoss, update.ValueClipped]);
                Write(output, update.ObjectiveLosses.Length);
                WriteAll(output, update.ObjectiveLosses.AsSpan());
                return true;
            default:
                return false;
        }
    }

    /// <summary>The results in a block, in the order they were written.</summary>
    /// <exception cref="InvalidDataException">It is not such a block.</exception>
    public static List<(int Shard, ShardResult Result)> Read(ReadOnlySpan<byte> packed)
    {
        var results = new List<(int, ShardResult)>();
        int length = packed.Length;
        try
        {
            while (packed.Length > 0)
            {
                int shard = Number(ref packed);
                byte kind = Take(ref packed, 1)[0];
                results.Add((shard, kind switch
                {
                    Generate => ReadGenerate(ref packed),
                    Score => new ScoreResult(ImmutableCollectionsMarshal.AsImmutableArray(ReadColumns(ref packed))),
                    Update => ReadUpdate(ref packed),
                    _ => throw new InvalidDataException($"the kind {kind} of a result is not known"),
                }));
            }

            return results;
        }
        catch (InvalidDataException damaged)
        {
            throw new InvalidDataException($"packed results of shards are damaged at byte {length - packed.Length} of {length}: {damaged.Message}.", damaged);
        }
    }

    private static GenerateResult ReadGenerate(ref ReadOnlySpan<byte> packed)
    {
        int count = Number(ref packed);
        return new GenerateResult(ReadAll<int>(ref packed, count), ReadFlags(ref packed, count), ReadAll<ulong>(ref packed, count));
    }

    private static UpdateResult ReadUpdate(ref ReadOnlySpan<byte> packed)
    {
        long tokens = ReadAll<long>(ref packed, 1)[0];
        var v = ReadAll<double>(ref packed, 10);
        return new UpdateResult(tokens, v[0], v[1], v[2], v[3], v[4], v[5], v[6], ReadAll<double>(ref packed, Number(ref packed)), v[7], v[8], v[9]);
    }

    // Scores, failures and retries are there only where they are not what they mostly are: given, none and zero. A column that is
    // like that throughout is its scores side by side, and all such columns of one length share what says nothing.
    private static void WriteColumn(ArrayBufferWriter<byte> output, ScoreColumnMessage column)
    {
        int count = column.Scores.Length;
        Write(output, count);
        bool plain = IsPlain(column);
        output.GetSpan(1)[0] = plain ? (byte)1 : (byte)0;
        output.Advance(1);
        if (plain)
        {
            var values = output.GetSpan(count * sizeof(double));
            for (int i = 0; i < count; i++) { BinaryPrimitives.WriteDoubleLittleEndian(values[(i * sizeof(double))..], column.Scores[i]!.Value); }
            output.Advance(count * sizeof(double));
            return;
        }

        var given = output.GetSpan(count)[..count];
        for (int i = 0; i < count; i++) { given[i] = (byte)((column.Scores[i] is null ? 0 : 1) | (column.Failures[i] is null ? 0 : 2) | (column.Retries[i] == 0 ? 0 : 4)); }
        output.Advance(count);
        for (int i = 0; i < count; i++)
        {
            if (column.Scores[i] is { } score) { WriteAll<double>(output, [score]); }
            if (column.Failures[i] is { } failure)
            {
                Write(output, Encoding.UTF8.GetByteCount(failure));
                Encoding.UTF8.GetBytes(failure, output);
            }

            if (column.Retries[i] != 0) { Write(output, column.Retries[i]); }
        }
    }

    private static ScoreColumnMessage[] ReadColumns(ref ReadOnlySpan<byte> packed)
    {
        var columns = new ScoreColumnMessage[Checked(Number(ref packed), sizeof(int), packed)];
        for (int k = 0; k < columns.Length; k++)
        {
            int count = Number(ref packed);
            if (Take(ref packed, 1)[0] == 1)
            {
                columns[k] = ReadPlain(ref packed, Checked(count, sizeof(double), packed));
                continue;
            }

            var given = Take(ref packed, Checked(count, 1, packed));
            var (scores, failures, retries) = (new double?[count], new string?[count], new int[count]);
            for (int i = 0; i < count; i++)
            {
                if ((given[i] & 1) != 0) { scores[i] = BinaryPrimitives.ReadDoubleLittleEndian(Take(ref packed, sizeof(double))); }
                if ((given[i] & 2) != 0) { failures[i] = Encoding.UTF8.GetString(Take(ref packed, Number(ref packed))); }
                if ((given[i] & 4) != 0) { retries[i] = Number(ref packed); }
            }

            columns[k] = new ScoreColumnMessage(ImmutableCollectionsMarshal.AsImmutableArray(scores), ImmutableCollectionsMarshal.AsImmutableArray(failures), ImmutableCollectionsMarshal.AsImmutableArray(retries));
        }

        return columns;
    }

    private static bool IsPlain(ScoreColumnMessage column)
    {
        for (int i = 0; i < column.Scores.Length; i++)
        {
            if (column.Scores[i] is null || column.Failures[i] is not null || column.Retries[i] != 0) { return false; }
        }

        return true;
    }

    private static ScoreColumnMessage ReadPlain(ref ReadOnlySpan<byte> packed, int count)
    {
        var values = Take(ref packed, count * sizeof(double));
        double?[] scores = new double?[count];
        for (int i = 0; i < count; i++) { scores[i] = BinaryPrimitives.ReadDoubleLittleEndian(values[(i * sizeof(double))..]); }
        var nothing = s_nothing;
        if (nothing.Failures.Length != count) { s_nothing = nothing = new Nothing([.. new string?[count]], [.. new int[count]]); }
        return new ScoreColumnMessage(ImmutableCollectionsMarshal.AsImmutableArray(scores), nothing.Failures, nothing.Retries);
    }

    /// <summary>No failure and no retry, of the length that was read last: mostly all shards have one.</summary>
    private sealed record Nothing(ImmutableArray<string?> Failures, ImmutableArray<int> Retries);

    private static volatile Nothing s_nothing = new([], []);

    private static void Head(ArrayBufferWriter<byte> output, int shard, byte kind)
    {
        Write(output, shard);
        output.GetSpan(1)[0] = kind;
        output.Advance(1);
    }

    private static void Write(ArrayBufferWriter<byte> output, int number)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(sizeof(int)), number);
        output.Advance(sizeof(int));
    }

    private static void WriteAll<T>(ArrayBufferWriter<byte> output, ReadOnlySpan<T> values)
        where T : unmanaged => output.Write(MemoryMarshal.AsBytes(values));

    private static int Number(ref ReadOnlySpan<byte> packed) => BinaryPrimitives.ReadInt32LittleEndian(Take(ref packed, sizeof(int)));

    private static ImmutableArray<T> ReadAll<T>(ref ReadOnlySpan<byte> packed, int count)
        where T : unmanaged
    {
        int size = Unsafe.SizeOf<T>();
        return ImmutableCollectionsMarshal.AsImmutableArray(MemoryMarshal.Cast<byte, T>(Take(ref packed, Checked(count, size, packed) * size)).ToArray());
    }

    private static ImmutableArray<bool> ReadFlags(ref ReadOnlySpan<byte> packed, int count)
    {
        var bytes = Take(ref packed, Checked(count, 1, packed));
        bool[] flags = new bool[count];
        for (int i = 0; i < count; i++) { flags[i] = bytes[i] != 0; }
        return ImmutableCollectionsMarshal.AsImmutableArray(flags);
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> packed, int bytes)
    {
        if ((uint)bytes > (uint)packed.Length) { throw new InvalidDataException($"{bytes} bytes are announced and {packed.Length} are left"); }
        var taken = packed[..bytes];
        packed = packed[bytes..];
        return taken;
    }

    /// <summary>A count that what is left can hold: nothing is allocated by an announcement alone.</summary>
    private static int Checked(int count, int size, ReadOnlySpan<byte> left) =>
        count >= 0 && (long)count * size <= left.Length ? count : throw new InvalidDataException($"{count} values are announced and {left.Length} bytes are left");
}
