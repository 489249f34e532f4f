using Ctwa.Training.Specification;

namespace Ctwa.Training.Datasets.Parquet;

/// <summary>What stands before a page's bytes.</summary>
internal struct PageHeader
{
    public const int Data = 0, Dictionary = 2, DataV2 = 3;

    public int Type, Size, PackedSize, Count, Encoding, RepetitionEncoding, DefinitionEncoding, RepetitionBytes, DefinitionBytes;
    public bool Packed;
    public int? Crc;

    /// <summary>Parses a header.</summary>
    /// <param name="bytes">The chunk from the header on, or the beginning of that.</param>
    /// <param name="origin">The first byte's place in the file.</param>
    /// <param name="partial">More bytes follow.</param>
    /// <param name="length">Bytes that the header takes.</param>
    /// <exception cref="EndOfStreamException">Partial bytes do not hold the whole header.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static PageHeader Parse(ReadOnlySpan<byte> bytes, long origin, bool partial, out int length)
    {
        var reader = new ThriftReader(bytes, origin, partial);
        var header = new PageHeader { Type = -1, Size = -1, PackedSize = -1, Packed = true, RepetitionEncoding = 3, DefinitionEncoding = 3 };
        int id = 0;
        while (reader.Field(ref id, out byte type))
        {
            switch (id, type)
            {
                case (1, ThriftReader.Int32): header.Type = reader.Int(); break;
                case (2, ThriftReader.Int32): header.Size = reader.Int(); break;
                case (3, ThriftReader.Int32): header.PackedSize = reader.Int(); break;
                case (4, ThriftReader.Int32): header.Crc = reader.Int(); break;
                case (5 or 7 or 8, ThriftReader.Struct): header.ParseKind(ref reader, id); break;
                default: reader.Skip(type); break;
            }
        }

        length = reader.Position;
        return header;
    }

    private void ParseKind(ref ThriftReader reader, int kind)
    {
        int id = 0;
        while (reader.Field(ref id, out byte type))
        {
            switch (kind, id, type)
            {
                case (_, 1, ThriftReader.Int32): Count = reader.Int(); break;
                case (5 or 7, 2, ThriftReader.Int32) or (8, 4, ThriftReader.Int32): Encoding = reader.Int(); break;
                case (5, 3, ThriftReader.Int32): DefinitionEncoding = reader.Int(); break;
                case (5, 4, ThriftReader.Int32): RepetitionEncoding = reader.Int(); break;
                case (8, 5, ThriftReader.Int32): DefinitionBytes = reader.Int(); break;
                case (8, 6, ThriftReader.Int32): RepetitionBytes = reader.Int(); break;
                case (8, 7, ThriftReader.True): Packed = true; break;
                case (8, 7, ThriftReader.False): Packed = false; break;
                default: reader.Skip(type); break;
            }
        }
    }
}
