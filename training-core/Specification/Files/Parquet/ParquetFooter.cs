namespace Ctwa.Training.Specification;

/// <summary>The values of one leaf in one row group.</summary>
/// <param name="Leaf">The leaf.</param>
/// <param name="Codec">Number of the compression, as the format counts them.</param>
/// <param name="Values">Entries, nulls and empty lists included.</param>
/// <param name="Offset">First byte of its pages in the file.</param>
/// <param name="Length">Bytes of its pages.</param>
public sealed record ParquetChunk(ParquetNode Leaf, int Codec, long Values, long Offset, long Length);

/// <summary>A run of rows that is stored together.</summary>
public sealed record ParquetRowGroup(long Rows, IReadOnlyList<ParquetChunk> Chunks);

/// <summary>
/// A parquet file's footer: schema and places of the data. Reading it checks every length and place against the file's size
/// before anything is allocated or read by it. Format: apache/parquet-format, parquet.thrift.
/// </summary>
/// <param name="Rows">Rows of the file.</param>
/// <param name="Root">The schema; its children are the columns.</param>
/// <param name="RowGroups">In order.</param>
/// <param name="CreatedBy">The program that wrote the file; empty if it does not say.</param>
public sealed record ParquetFooter(long Rows, ParquetNode Root, IReadOnlyList<ParquetRowGroup> RowGroups, string CreatedBy)
{
    /// <summary>More rows than a job may use (data.*.count).</summary>
    public const long MaxRows = 100_000_000;

    private const int MaxFooterBytes = 64 << 20, MinFileBytes = 12;

    /// <summary>The four bytes at either end of a parquet file.</summary>
    public static ReadOnlySpan<byte> Magic => "PAR1"u8;

    /// <summary>Whether the stream begins as parquet files do; it is left at its beginning.</summary>
    public static bool Begins(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Span<byte> head = stackalloc byte[4];
        stream.Position = 0;
        int read = stream.ReadAtLeast(head, 4, throwOnEndOfStream: false);
        stream.Position = 0;
        return read == 4 && head.SequenceEqual(Magic);
    }

    /// <summary>Reads and checks the footer.</summary>
    /// <param name="stream">The file; any position.</param>
    /// <exception cref="InvalidDataException">The footer is damaged, or describes what no file can hold; the message names the place but not the file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ParquetFooter Read(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        long size = stream.Length;
        if (size < MinFileBytes) { throw new InvalidDataException($"the file has {size} bytes; a parquet file has at least {MinFileBytes}"); }
        if (!Begins(stream)) { throw new InvalidDataException("the file does not begin with PAR1, so it is no parquet file"); }
        Span<byte> tail = stackalloc byte[8];
        stream.Position = size - tail.Length;
        stream.ReadExactly(tail);
        if (tail[4..].SequenceEqual("PARE"u8)) { throw new InvalidDataException("the file is encrypted; write it without encryption"); }
        if (!tail[4..].SequenceEqual(Magic)) { throw new InvalidDataException("the file does not end with PAR1: it is cut short, or no parquet file; fetch it again"); }
        uint length = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (length > size - MinFileBytes || length > MaxFooterBytes) { throw new InvalidDataException($"the footer is said to have {length} bytes, in a file of {size}; at most {Math.Min(size - MinFileBytes, MaxFooterBytes)} are possible"); }
        byte[] footer = new byte[length];
        stream.Position = size - tail.Length - length;
        stream.ReadExactly(footer);
        return ParquetFooterReader.Read(footer, size - tail.Length - length);
    }
}
