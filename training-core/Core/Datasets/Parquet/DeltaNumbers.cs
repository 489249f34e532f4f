namespace Ctwa.Training.Datasets.Parquet;

/// <summary>The encoding DELTA_BINARY_PACKED: integers as differences in bit-packed blocks.</summary>
internal static class DeltaNumbers
{
    private const int MaxCount = 1 << 24, MaxBlock = 1 << 20;

    /// <summary>Decodes a whole sequence.</summary>
    /// <param name="data">The encoded numbers and whatever follows them.</param>
    /// <param name="limit">Most numbers that the page can hold.</param>
    /// <param name="used">Bytes of <paramref name="data"/> that the numbers take.</param>
    /// <exception cref="InvalidDataException">The data is damaged.</exception>
    public static List<long> Decode(ReadOnlySpan<byte> data, int limit, out int used)
    {
        int position = 0;
        ulong block = Varint(data, ref position), miniblocks = Varint(data, ref position), total = Varint(data, ref position);
        long value = ZigZag(Varint(data, ref position));
        if (block is 0 or > MaxBlock || miniblocks == 0 || block % miniblocks != 0 || block / miniblocks % 8 != 0) { throw new InvalidDataException($"delta-encoded numbers in blocks of {block} with {miniblocks} parts"); }
        if (total > (ulong)limit || total > MaxCount) { throw new InvalidDataException($"{total} delta-encoded numbers in a page for {limit}"); }
        var values = new List<long>();
        int perPart = (int)(block / miniblocks);
        if (total > 0) { values.Add(value); }
        while (values.Count < (int)total)
        {
            long least = ZigZag(Varint(data, ref position));
            if (data.Length - position < (int)miniblocks) { throw Ended(); }
            var widths = data.Slice(position, (int)miniblocks);
            position += (int)miniblocks;
            for (int part = 0; part < widths.Length && values.Count < (int)total; part++)
            {
                int width = widths[part], bytes = width * perPart / 8;
                if (width > 64) { throw new InvalidDataException($"delta-encoded numbers of {width} bits"); }
                if (data.Length - position < bytes) { throw Ended(); }
                for (int i = 0; i < perPart && values.Count < (int)total; i++)
                {
                    unchecked { value += least + (long)Bits(data.Slice(position, bytes), (long)i * width, width); }
                    values.Add(value);
                }

                position += bytes;
            }
        }

        used = position;
        return values;
    }

    private static ulong Bits(ReadOnlySpan<byte> bytes, long at, int width)
    {
        ulong value = 0;
        for (int got = 0; got < width;)
        {
            int inByte = (int)(at & 7), take = Math.Min(8 - inByte, width - got);
            value |= (ulong)(uint)((bytes[(int)(at >> 3)] >> inByte) & ((1 << take) - 1)) << got;
            got += take;
            at += take;
        }

        return value;
    }

    private static ulong Varint(ReadOnlySpan<byte> data, ref int position)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (position >= data.Length) { throw Ended(); }
            byte next = data[position++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) { return value; }
        }

        throw new InvalidDataException("a delta-encoded number has more than 64 bits");
    }

    private static long ZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    private static InvalidDataException Ended() => new("the page ends before its delta-encoded numbers");
}
