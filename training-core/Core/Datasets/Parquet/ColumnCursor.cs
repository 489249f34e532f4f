using System.Buffers.Binary;
using System.IO.Hashing;
using System.Numerics;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Datasets.Parquet;

/// <summary>
/// Walks over the entries of one column chunk, page by page: at most one page and the dictionary are in memory. An entry has a
/// repetition level, a definition level and, if that is the leaf's greatest, a value.
/// </summary>
internal sealed class ColumnCursor
{
    private const int FirstHeaderBytes = 512, MaxHeaderBytes = 16 << 20;

    private readonly Stream _stream;
    private readonly ParquetChunk _chunk;
    private long _offset;
    private long _left;
    private int _pageLeft;
    private RunReader? _repetitions, _definitions;
    private PageValues? _values;
    private DataValue[]? _dictionary;

    /// <param name="stream">The file, shared by the cursors of a row.</param>
    /// <param name="chunk">The chunk.</param>
    public ColumnCursor(Stream stream, ParquetChunk chunk)
    {
        (_stream, _chunk, _offset, _left) = (stream, chunk, chunk.Offset, chunk.Values);
        PageOffset = chunk.Offset;
        Advance();
    }

    public ParquetNode Leaf => _chunk.Leaf;

    /// <summary>Place of the present page in the file, for messages.</summary>
    public long PageOffset { get; private set; }

    /// <summary>All entries have been taken.</summary>
    public bool Ended { get; private set; }

    /// <summary>Repetition level of the present entry: 0 begins a row.</summary>
    public int Repetition { get; private set; }

    /// <summary>Definition level of the present entry.</summary>
    public int Definition { get; private set; }

    /// <summary>The present entry's value, which is there; goes on to the next entry.</summary>
    public DataValue Take()
    {
        if (Ended || Definition != Leaf.MaxDefinition) { throw new InvalidDataException("a value is missing"); }
        var value = _values!.Next();
        Advance();
        return value;
    }

    /// <summary>Goes on to the next entry; the present one has no value.</summary>
    /// <param name="below">Its definition level must lie below this.</param>
    public void Skip(int below)
    {
        if (Ended || Definition >= below) { throw new InvalidDataException("the columns of a struct or list disagree"); }
        Advance();
    }

    private void Advance()
    {
        if (_left == 0)
        {
            (Ended, Repetition, Definition) = (true, 0, -1);
            return;
        }

        while (_pageLeft == 0) { NextPage(); }
        _left--;
        _pageLeft--;
        Repetition = Level(_repetitions, Leaf.MaxRepetition, 0);
        Definition = Level(_definitions, Leaf.MaxDefinition, Leaf.MaxDefinition);
    }

    private static int Level(RunReader? levels, int most, int otherwise)
    {
        if (levels is null) { return otherwise; }
        uint level = levels.Next();
        return level <= most ? (int)level : throw new InvalidDataException($"a level of {level}, above {most}");
    }

    private void NextPage()
    {
        PageOffset = _offset;
        long end = _chunk.Offset + _chunk.Length;
        var header = ReadHeader(end, out int headerBytes);
        long from = _offset + headerBytes;
        if (header.PackedSize < 0 || header.Size < 0 || header.PackedSize > end - from) { throw new InvalidDataException($"a page of {header.PackedSize} bytes ({header.Size} unpacked) with {end - from} left in its column"); }
        _offset = from + header.PackedSize;
        // Index pages and kinds to come hold no values.
        if (header.Type is not (PageHeader.Data or PageHeader.Dictionary or PageHeader.DataV2)) { return; }
        byte[] page = Bytes(from, header.PackedSize);
        if (header.Crc is { } crc && crc != unchecked((int)Crc32.HashToUInt32(page))) { throw new InvalidDataException("its checksum (CRC-32) is wrong, so the page is damaged; fetch the file again"); }
        if (header.Type == PageHeader.Dictionary)
        {
            if (_dictionary is not null) { throw new InvalidDataException("a second dictionary"); }
            _dictionary = PageValues.Dictionary(Leaf, PageCodec.Unpack(_chunk.Codec, page, header.Size), header.Count);
            return;
        }

        if (header.Count < 0 || header.Count > _left) { throw new InvalidDataException($"a page of {header.Count} entries where {_left} are left"); }
        if (header.Type == PageHeader.Data) { OpenV1(header, PageCodec.Unpack(_chunk.Codec, page, header.Size)); }
        else { OpenV2(header, page); }
        _pageLeft = header.Count;
    }

    private void OpenV1(PageHeader header, ReadOnlyMemory<byte> data)
    {
        _repetitions = LevelsV1(header.RepetitionEncoding, Leaf.MaxRepetition, ref data);
        _definitions = LevelsV1(header.DefinitionEncoding, Leaf.MaxDefinition, ref data);
        _values = PageValues.Of(Leaf, header.Encoding, data, header.Count, _dictionary);
    }

    private void OpenV2(PageHeader header, ReadOnlyMemory<byte> page)
    {
        long levels = (long)header.RepetitionBytes + header.DefinitionBytes;
        if (header.RepetitionBytes < 0 || header.DefinitionBytes < 0 || levels > page.Length || levels > header.Size) { throw new InvalidDataException($"levels of {header.RepetitionBytes} and {header.DefinitionBytes} bytes in a page of {page.Length}"); }
        _repetitions = Leaf.MaxRepetition > 0 ? new RunReader(page[..header.RepetitionBytes], Width(Leaf.MaxRepetition)) : null;
        _definitions = Leaf.MaxDefinition > 0 ? new RunReader(page[header.RepetitionBytes..(int)levels], Width(Leaf.MaxDefinition)) : null;
        var data = page[(int)levels..];
        if (header.Packed) { data = PageCodec.Unpack(_chunk.Codec, data, header.Size - (int)levels); }
        _values = PageValues.Of(Leaf, header.Encoding, data, header.Count, _dictionary);
    }

    private static RunReader? LevelsV1(int encoding, int most, ref ReadOnlyMemory<byte> data)
    {
        if (most == 0) { return null; }
        if (encoding != 3) { throw new InvalidDataException($"levels in encoding {encoding}, which no writer has made since 2014; write the file anew"); }
        if (data.Length < 4) { throw new InvalidDataException("the page ends before its levels"); }
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(data.Span);
        if (length > data.Length - 4) { throw new InvalidDataException($"levels of {length} bytes in a page with {data.Length - 4}"); }
        var levels = data.Slice(4, (int)length);
        data = data[(4 + (int)length)..];
        return new RunReader(levels, Width(most));
    }

    private static int Width(int most) => 32 - BitOperations.LeadingZeroCount((uint)most);

    private PageHeader ReadHeader(long end, out int length)
    {
        // Statistics in a header may hold long texts, so its size is found by trying.
        for (int window = FirstHeaderBytes; ; window *= 8)
        {
            int available = (int)Math.Min(Math.Min(window, MaxHeaderBytes), end - _offset);
            if (available < 1) { throw new InvalidDataException($"its pages hold {_chunk.Values - _left} of {_chunk.Values} entries"); }
            try
            {
                return PageHeader.Parse(Bytes(_offset, available), _offset, partial: available < end - _offset && window < MaxHeaderBytes, out length);
            }
            catch (EndOfStreamException) { }
        }
    }

    private byte[] Bytes(long from, int count)
    {
        byte[] bytes = new byte[count];
        _stream.Position = from;
        _stream.ReadExactly(bytes);
        return bytes;
    }
}
