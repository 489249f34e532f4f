namespace Ctwa.Training.Datasets.Parquet;

/// <summary>
/// Numbers in parquet's hybrid of run lengths and bit packing, one at a time: levels, dictionary indices and booleans. Nothing is
/// allocated by the lengths that the data claims.
/// </summary>
/// <param name="data">The runs.</param>
/// <param name="bitWidth">Bits per number, 0 to 32; with 0 every number is 0 and no data is read.</param>
internal sealed class RunReader(ReadOnlyMemory<byte> data, int bitWidth)
{
    private int _position;
    private long _left;
    private bool _packed;
    private uint _repeated;
    private long _bit;

    /// <summary>The next number.</summary>
    /// <exception cref="InvalidDataException">The data ends before it.</exception>
    public uint Next()
    {
        if (bitWidth == 0) { return 0; }
        while (_left == 0) { BeginRun(); }
        _left--;
        if (!_packed) { return _repeated; }
        uint value = 0;
        var bytes = data.Span;
        for (int got = 0; got < bitWidth;)
        {
            int inByte = (int)(_bit & 7), take = Math.Min(8 - inByte, bitWidth - got);
            value |= (uint)((bytes[(int)(_bit >> 3)] >> inByte) & ((1 << take) - 1)) << got;
            got += take;
            _bit += take;
        }

        return value;
    }

    private void BeginRun()
    {
        uint header = Varint();
        _packed = (header & 1) == 1;
        if (_packed)
        {
            long count = (long)(header >> 1) * 8, available = (long)(data.Length - _position) * 8 / bitWidth;
            // Some writers leave out the padding of the last group.
            _left = Math.Min(count, available);
            if (_left == 0 && count > 0) { throw Ended(); }
            _bit = (long)_position * 8;
            _position = (int)Math.Min(data.Length, _position + count * bitWidth / 8);
            return;
        }

        int width = (bitWidth + 7) / 8;
        if (data.Length - _position < width) { throw Ended(); }
        _repeated = 0;
        for (int i = 0; i < width; i++) { _repeated |= (uint)data.Span[_position++] << (8 * i); }
        _left = header >> 1;
    }

    private uint Varint()
    {
        uint value = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            if (_position >= data.Length) { throw Ended(); }
            byte next = data.Span[_position++];
            value |= (uint)(next & 0x7F) << shift;
            if (next < 0x80) { return value; }
        }

        throw new InvalidDataException("a run's length has more than 32 bits");
    }

    private static InvalidDataException Ended() => new("the page ends before its values");
}
