namespace Ctwa.Training.Models;

/// <summary>One parameter's place in flat memory.</summary>
/// <param name="Name">Name as in a Hugging Face checkpoint.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Offset">First element, a multiple of <see cref="FlatLayout.Alignment"/>.</param>
/// <param name="Length">Number of elements.</param>
public sealed record FlatEntry(string Name, long[] Shape, long Offset, long Length);

/// <summary>A range of flat memory, in elements; starts and (but for the last) ends at a multiple of <see cref="FlatLayout.Block"/>.</summary>
public readonly record struct SliceRange(long Start, long Length);

/// <summary>
/// Where each parameter lies in one contiguous float32 vector. Every parameter starts at a multiple of 64 bytes, since
/// native kernels choose their code path, and so their rounding, by alignment (invariant I1). The gaps are zero
/// and stay zero: their gradient is never written.
/// </summary>
public sealed class FlatLayout
{
    /// <summary>Elements per 64 bytes.</summary>
    public const int Alignment = 16;

    /// <summary>
    /// Elements per block. Norms and Gram matrices are summed block by block and slices are cut at blocks, so a block's
    /// bits do not depend on the number of slices. A norm adds the slices' sums in slice order: with clipping, its last
    /// bit may depend on <c>grid.slices</c>, which is part of the job.
    /// </summary>
    public const int Block = 4096;

    private FlatLayout(IReadOnlyList<FlatEntry> entries, long length, long bodyLength)
    {
        Entries = entries;
        Length = length;
        BodyLength = bodyLength;
    }

    /// <summary>Parameters in order of their offset.</summary>
    public IReadOnlyList<FlatEntry> Entries { get; }

    /// <summary>Elements of the whole vector, gaps included; a multiple of <see cref="Block"/>.</summary>
    public long Length { get; }

    /// <summary>Elements before the parameters that <see cref="Append"/> added; the same as <see cref="Length"/> without them.</summary>
    public long BodyLength { get; }

    /// <summary>Lays parameters out in the given order.</summary>
    public static FlatLayout Of(IEnumerable<(string Name, long[] Shape)> parameters)
    {
        var (entries, length) = Lay(parameters, 0);
        return new FlatLayout(entries, length, length);
    }

    /// <summary>The same layout with more parameters behind it, from the next block on. They belong to the last slice, and move no other slice's bounds.</summary>
    public FlatLayout Append(IEnumerable<(string Name, long[] Shape)> parameters)
    {
        var (entries, length) = Lay(parameters, Length);
        return new FlatLayout([.. Entries, .. entries], length, BodyLength);
    }

    /// <summary>Some of the parameters at their places, for reading and writing them alone.</summary>
    public FlatLayout Only(IEnumerable<FlatEntry> entries) => new([.. entries], Length, BodyLength);

    private static (List<FlatEntry> Entries, long Length) Lay(IEnumerable<(string Name, long[] Shape)> parameters, long offset)
    {
        var entries = new List<FlatEntry>();
        foreach (var (name, shape) in parameters)
        {
            long length = shape.Aggregate(1L, (product, size) => checked(product * size));
            entries.Add(new FlatEntry(name, shape, offset, length));
            offset = RoundUp(offset + length, Alignment);
        }

        return (entries, RoundUp(Math.Max(offset, 1), Block));
    }

    /// <summary>
    /// Cuts the vector into <paramref name="count"/> ranges of whole blocks, sizes differing by at most one block;
    /// with fewer blocks than slices the last ranges are empty.
    /// </summary>
    public SliceRange[] Slices(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        long blocks = BodyLength / Block;
        var slices = new SliceRange[count];
        for (int i = 0; i < count; i++)
        {
            long first = blocks * i / count, last = blocks * (i + 1) / count;
            slices[i] = new SliceRange(first * Block, (last - first) * Block);
        }

        slices[^1] = slices[^1] with { Length = Length - slices[^1].Start };

        return slices;
    }

    /// <summary>Range of the last decoder block's parameters (<c>model.layers.N.*</c> with the largest N); empty if there is none.</summary>
    public SliceRange LastBlock()
    {
        const string prefix = "model.layers.";
        var blocks = Entries.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal))
            .GroupBy(entry => int.Parse(entry.Name.AsSpan(prefix.Length, entry.Name.IndexOf('.', prefix.Length) - prefix.Length), System.Globalization.CultureInfo.InvariantCulture))
            .MaxBy(block => block.Key);
        if (blocks is null) { return default; }
        long start = blocks.Min(entry => entry.Offset);
        return new SliceRange(start, blocks.Max(entry => entry.Offset + entry.Length) - start);
    }

    private static long RoundUp(long value, long multiple) => (value + multiple - 1) / multiple * multiple;
}
