namespace Ctwa.Training.Specification;

/// <summary>Parses a footer's bytes and checks that its parts fit together and into the file.</summary>
internal static class ParquetFooterReader
{
    private const int MaxRowGroups = 1_000_000, MaxRowsPerByte = 2_000;

    private struct Chunk
    {
        public int Type, Codec;
        public long Values, Length, DataPage, DictionaryPage;
        public string? File;
        public List<string>? Path;
        public bool Encrypted;
    }

    /// <param name="bytes">The footer.</param>
    /// <param name="start">Its first byte's place in the file; all data lies before it.</param>
    public static ParquetFooter Read(ReadOnlySpan<byte> bytes, long start)
    {
        var reader = new ThriftReader(bytes, start);
        ParquetNode? root = null;
        List<(long Rows, List<Chunk> Chunks)>? groups = null;
        long rows = 0;
        string createdBy = "";
        int id = 0;
        while (reader.Field(ref id, out byte type))
        {
            switch (id, type)
            {
                case (2, ThriftReader.List): root = ParquetSchemaReader.Read(ref reader); break;
                case (3, ThriftReader.Int64): rows = reader.Long(); break;
                case (4, ThriftReader.List): groups = ReadGroups(ref reader); break;
                case (6, ThriftReader.Binary): createdBy = reader.Text(); break;
                case (8, ThriftReader.Struct): throw new InvalidDataException("the file has encrypted columns; write it without encryption");
                default: reader.Skip(type); break;
            }
        }

        if (root is null || groups is null) { throw new InvalidDataException($"the footer (at byte {start}) has no {(root is null ? "schema" : "list of row groups")}"); }
        if (rows is < 0 or > ParquetFooter.MaxRows) { throw new InvalidDataException($"the file is said to have {rows} rows; at most {ParquetFooter.MaxRows} can be read"); }
        ParquetNode[] leaves = [.. root.Leaves()];
        ParquetRowGroup[] checkedGroups = [.. groups.Select((group, index) => Check(group.Rows, group.Chunks, index, leaves, start))];
        long sum = checkedGroups.Sum(group => group.Rows);
        // Repetition packs rows well, but not without end: a forged page of a few bytes can stand for millions of rows.
        if (sum > MaxRowsPerByte * (start + bytes.Length)) { throw new InvalidDataException($"the file is said to have {sum} rows in {start + bytes.Length} bytes"); }
        // Some writers leave the file's count at 0.
        return sum == rows || rows == 0
            ? new ParquetFooter(sum, root, checkedGroups, createdBy)
            : throw new InvalidDataException($"the row groups hold {sum} rows, the file is said to have {rows}");
    }

    private static ParquetRowGroup Check(long rows, List<Chunk> chunks, int index, ParquetNode[] leaves, long end)
    {
        if (rows is < 0 or > ParquetFooter.MaxRows) { throw new InvalidDataException($"row group {index} is said to have {rows} rows"); }
        if (chunks.Count != leaves.Length) { throw new InvalidDataException($"row group {index} has {chunks.Count} column chunks for {leaves.Length} columns"); }
        var list = new ParquetChunk[chunks.Count];
        for (int i = 0; i < list.Length; i++)
        {
            var (chunk, leaf) = (chunks[i], leaves[i]);
            InvalidDataException Bad(string what) => new($"row group {index}, column '{leaf.Path}': {what}");
            if (chunk.File is not null) { throw Bad("its data lies in another file; write one file"); }
            if (chunk.Encrypted) { throw Bad("is encrypted; write the file without encryption"); }
            if (string.Join('.', chunk.Path!) is var path && path != leaf.Path) { throw Bad($"has the chunk of '{path}'"); }
            if (chunk.Type != (int)leaf.Physical!) { throw Bad($"has values of type {chunk.Type}, the schema says {(int)leaf.Physical}"); }
            // Later parts of a list take entries of their own; a row without any takes one.
            if (leaf.MaxRepetition == 0 ? chunk.Values != rows : chunk.Values < rows || chunk.Values > int.MaxValue) { throw Bad($"has {chunk.Values} entries for {rows} rows"); }
            long offset = chunk.DictionaryPage > 0 && chunk.DictionaryPage < chunk.DataPage ? chunk.DictionaryPage : chunk.DataPage;
            if (rows > 0 && (offset < ParquetFooter.Magic.Length || chunk.Length < 1 || offset > end - chunk.Length)) { throw Bad($"its {chunk.Length} bytes at byte {offset} do not lie between the file's begin and its footer at byte {end}"); }
            list[i] = new ParquetChunk(leaf, chunk.Codec, chunk.Values, offset, chunk.Length);
        }

        return new ParquetRowGroup(rows, list);
    }

    private static List<(long Rows, List<Chunk> Chunks)> ReadGroups(ref ThriftReader reader)
    {
        int count = reader.ListHeader(out _);
        if (count > MaxRowGroups) { throw reader.Bad($"lists {count} row groups; at most {MaxRowGroups} are read"); }
        var groups = new List<(long, List<Chunk>)>();
        for (int i = 0; i < count; i++)
        {
            long rows = 0;
            var chunks = new List<Chunk>();
            int id = 0;
            while (reader.Field(ref id, out byte type))
            {
                switch (id, type)
                {
                    case (1, ThriftReader.List):
                        int columns = reader.ListHeader(out _);
                        for (int c = 0; c < columns; c++) { chunks.Add(ReadChunk(ref reader)); }
                        break;
                    case (3, ThriftReader.Int64): rows = reader.Long(); break;
                    default: reader.Skip(type); break;
                }
            }

            groups.Add((rows, chunks));
        }

        return groups;
    }

    private static Chunk ReadChunk(ref ThriftReader reader)
    {
        var chunk = new Chunk();
        int id = 0;
        while (reader.Field(ref id, out byte type))
        {
            switch (id, type)
            {
                case (1, ThriftReader.Binary): chunk.File = reader.Text(); break;
                case (3, ThriftReader.Struct): ReadMetadata(ref reader, ref chunk); break;
                case (8, ThriftReader.Struct): chunk.Encrypted = true; reader.Skip(type); break;
                default: reader.Skip(type); break;
            }
        }

        return chunk.Encrypted || chunk.Path is not null ? chunk : throw reader.Bad("has a column chunk without metadata");
    }

    private static void ReadMetadata(ref ThriftReader reader, ref Chunk chunk)
    {
        int id = 0;
        while (reader.Field(ref id, out byte type))
        {
            switch (id, type)
            {
                case (1, ThriftReader.Int32): chunk.Type = reader.Int(); break;
                case (3, ThriftReader.List):
                    chunk.Path = [];
                    int parts = reader.ListHeader(out _);
                    for (int i = 0; i < parts; i++) { chunk.Path.Add(reader.Text()); }
                    break;
                case (4, ThriftReader.Int32): chunk.Codec = reader.Int(); break;
                case (5, ThriftReader.Int64): chunk.Values = reader.Long(); break;
                case (7, ThriftReader.Int64): chunk.Length = reader.Long(); break;
                case (9, ThriftReader.Int64): chunk.DataPage = reader.Long(); break;
                case (11, ThriftReader.Int64): chunk.DictionaryPage = reader.Long(); break;
                default: reader.Skip(type); break;
            }
        }
    }
}
