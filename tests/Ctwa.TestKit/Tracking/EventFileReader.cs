using System.Buffers.Binary;
using System.Text;
using Xunit;

namespace Ctwa.TestKit.Tracking;

/// <summary>An event of a TensorBoard event file.</summary>
/// <param name="SessionStatus">1: START; null: it is none.</param>
public sealed record TensorEvent(double WallTime, long Step, string? FileVersion, IReadOnlyList<(string Tag, float Value)> Scalars, int? SessionStatus);

/// <summary>
/// Reads event files from the published format alone: TFRecord framing with a bitwise CRC-32C, and protobuf fields by their numbers. It
/// shares no code with the writer.
/// </summary>
public static class EventFileReader
{
    /// <summary>All events of a file; fails on a wrong checksum or field.</summary>
    public static IReadOnlyList<TensorEvent> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        var events = new List<TensorEvent>();
        for (int at = 0; at < file.Length;)
        {
            Assert.True(file.Length - at >= 16, $"{path}: {file.Length - at} bytes after the last record.");
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.Equal(Masked(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            var data = file.AsSpan(at + 12, checked((int)length));
            Assert.Equal(Masked(data), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + data.Length)));
            events.Add(Event(data));
            at += 16 + data.Length;
        }

        return events;
    }

    /// <summary>
    /// What TensorBoard shows of a folder: its files in the order of their names; a START at a step voids what was there at it or later.
    /// </summary>
    public static IReadOnlyList<(string Tag, long Step, float Value)> History(string folder)
    {
        var shown = new List<(string, long Step, float)>();
        foreach (string file in Directory.GetFiles(folder).Where(name => Path.GetFileName(name).Contains("tfevents", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            foreach (var one in Read(file))
            {
                if (one.SessionStatus == 1) { shown.RemoveAll(old => old.Step >= one.Step); }
                shown.AddRange(one.Scalars.Select(scalar => (scalar.Tag, one.Step, scalar.Value)));
            }
        }

        return shown;
    }

    /// <summary>CRC-32C, Castagnoli polynomial 0x1EDC6F41 reflected, one bit at a time.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> data)
    {
        uint crc = 0xffffffff;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) { crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1; }
        }

        return ~crc;
    }

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = Crc32C(data);
        return unchecked(((crc >> 15) | (crc << 17)) + 0xa282ead8);
    }

    private static TensorEvent Event(ReadOnlySpan<byte> data)
    {
        double time = 0;
        long step = 0;
        string? version = null;
        int? status = null;
        var scalars = new List<(string, float)>();
        while (!data.IsEmpty)
        {
            var (field, type) = Key(ref data);
            switch (field, type)
            {
                case (1, 1): time = BinaryPrimitives.ReadDoubleLittleEndian(Take(ref data, 8)); break;
                case (2, 0): step = (long)Varint(ref data); break;
                case (3, 2): version = Encoding.UTF8.GetString(Chunk(ref data)); break;
                case (5, 2): Summary(Chunk(ref data), scalars); break;
                case (7, 2):
                    var session = Chunk(ref data);
                    Assert.Equal((1, 0), Key(ref session));
                    status = (int)Varint(ref session);
                    break;
                default: Assert.Fail($"an event has field {field} of wire type {type}."); break;
            }
        }

        return new TensorEvent(time, step, version, scalars, status);
    }

    private static void Summary(ReadOnlySpan<byte> data, List<(string, float)> scalars)
    {
        while (!data.IsEmpty)
        {
            Assert.Equal((1, 2), Key(ref data));
            var value = Chunk(ref data);
            Assert.Equal((1, 2), Key(ref value));
            string tag = Encoding.UTF8.GetString(Chunk(ref value));
            Assert.Equal((2, 5), Key(ref value));
            scalars.Add((tag, BinaryPrimitives.ReadSingleLittleEndian(Take(ref value, 4))));
            Assert.True(value.IsEmpty);
        }
    }

    private static (int Field, int Type) Key(ref ReadOnlySpan<byte> data)
    {
        ulong key = Varint(ref data);
        return ((int)(key >> 3), (int)(key & 7));
    }

    private static ReadOnlySpan<byte> Chunk(ref ReadOnlySpan<byte> data) => Take(ref data, checked((int)Varint(ref data)));

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> data, int count)
    {
        var taken = data[..count];
        data = data[count..];
        return taken;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> data)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = Take(ref data, 1)[0];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80) { return value; }
        }
    }
}
