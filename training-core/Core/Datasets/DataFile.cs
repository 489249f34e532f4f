using Ctwa.Training.Datasets.Jsonl;
using Ctwa.Training.Datasets.Parquet;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Datasets;

/// <summary>A data file of either format: JSONL, or parquet, which is told by its first bytes.</summary>
internal static class DataFile
{
    /// <summary>The two fields of each row, read one row at a time.</summary>
    /// <param name="path">The file.</param>
    /// <param name="promptField">Name or dotted path of the prompt.</param>
    /// <param name="answerField">Name or dotted path of the answer.</param>
    /// <param name="limit">Read no further than so many rows; null: all.</param>
    /// <exception cref="DatasetException">The file is missing, unreadable, without rows or damaged, or a row read cannot be used. The message names file and row.</exception>
    public static IEnumerable<DataRow> Read(string path, string promptField, string answerField, int? limit)
    {
        long read = 0;
        using var rows = Rows(Open(path), path, promptField, answerField).GetEnumerator();
        while (!(read >= limit) && Advance(rows, path))
        {
            read++;
            yield return rows.Current;
        }

        if (read == 0) { throw new DatasetException($"data file '{path}' holds no rows; it needs rows with the fields '{promptField}' and '{answerField}'."); }
    }

    /// <summary>The rows of an open file, which is disposed at the end.</summary>
    /// <param name="stream">The file, seekable.</param>
    /// <param name="name">Its name for messages.</param>
    internal static IEnumerable<DataRow> Rows(Stream stream, string name, string promptField, string answerField)
    {
        if (!ParquetFooter.Begins(stream)) { return new JsonlFile(stream, name).Rows(promptField, answerField); }
        return ParquetRows(stream, name, promptField, answerField);
    }

    /// <summary>All columns of each row, for tools that look into a file.</summary>
    /// <exception cref="DatasetException">As for <see cref="Read"/>; rows are not checked against a job.</exception>
    public static IEnumerable<(long Number, DataValue.Fields Row)> Objects(string path)
    {
        using var rows = Objects(Open(path), path).GetEnumerator();
        while (Advance(rows, path)) { yield return rows.Current; }
    }

    private static IEnumerable<(long Number, DataValue.Fields Row)> Objects(Stream stream, string name)
    {
        if (!ParquetFooter.Begins(stream)) { return new JsonlFile(stream, name).Objects(); }
        return ParquetObjects(stream, name);
    }

    private static IEnumerable<(long Number, DataValue.Fields Row)> ParquetObjects(Stream stream, string name)
    {
        using var file = Parquet.ParquetRows.Open(stream, name);
        var columns = file.Footer.Root.Children;
        long row = 0;
        foreach (var values in file.Read([.. columns.Select(column => (IReadOnlyList<ParquetNode>)[column])]))
        {
            yield return (++row, new DataValue.Fields([.. columns.Zip(values, (column, value) => KeyValuePair.Create(column.Name, value))]));
        }
    }

    /// <summary>Where a row stands, as messages write it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="number">Line or row, from 1.</param>
    public static string Place(string path, long number, bool parquet) => parquet ? $"{path}: row {number}" : $"{path}:{number}";

    /// <summary>The file is parquet.</summary>
    public static bool IsParquet(string path)
    {
        using var stream = Open(path);
        return ParquetFooter.Begins(stream);
    }

    /// <summary>Opens a data file for reading.</summary>
    /// <exception cref="DatasetException">It is missing, a folder, empty of sense (compressed, or parquet by name only), or cannot be read.</exception>
    public static Stream Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new DatasetException(Directory.Exists(path)
                ? $"data file '{path}' is a folder; name a JSONL or parquet file."
                : $"data file '{path}' does not exist (looked at {Path.GetFullPath(path)}); correct data.*.path.");
        }

        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            try
            {
                Refuse(stream, path);
                return stream;
            }
            catch
            {
                stream.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }

    private static void Refuse(FileStream stream, string path)
    {
        Span<byte> head = stackalloc byte[4];
        int count = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        stream.Position = 0;
        string? packed = count < 4 ? null : head switch { [0x1F, 0x8B, ..] => "gzip", [0x28, 0xB5, 0x2F, 0xFD] => "zstd", [(byte)'P', (byte)'K', 3, 4] => "zip", _ => null };
        if (packed is not null) { throw new DatasetException($"data file '{path}' is compressed ({packed}); unpack it first."); }
        if (Path.GetExtension(path).Equals(".parquet", StringComparison.OrdinalIgnoreCase) && !ParquetFooter.Begins(stream)) { throw new DatasetException($"data file '{path}' is no parquet file: it does not begin with PAR1; fetch it again (a Git LFS pointer, perhaps), or give JSONL another name."); }
    }

    private static IEnumerable<DataRow> ParquetRows(Stream stream, string name, string promptField, string answerField)
    {
        using var file = Parquet.ParquetRows.Open(stream, name);
        var prompt = file.Column(promptField, "prompt_field");
        var answer = file.Column(answerField, "answer_field");
        long row = 0;
        foreach (var values in file.Read(prompt, answer))
        {
            row++;
            yield return DataRow.Of(row, promptField, values[0], answerField, values[1], _ => Place(name, row, parquet: true));
        }
    }

    // An iterator cannot yield inside a try with a catch.
    private static bool Advance<T>(IEnumerator<T> rows, string path)
    {
        try
        {
            return rows.MoveNext();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }

    private static DatasetException Unreadable(string path, Exception e) => new($"data file '{path}' cannot be read: {e.Message}", e);
}
