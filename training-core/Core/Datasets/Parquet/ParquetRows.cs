using Ctwa.Training.Specification;

namespace Ctwa.Training.Datasets.Parquet;

/// <summary>Reads columns of a parquet file row by row. Only the pages under the present row are in memory.</summary>
internal sealed class ParquetRows : IDisposable
{
    private readonly Stream _stream;
    private readonly string _name;

    private ParquetRows(Stream stream, string name, ParquetFooter footer) => (_stream, _name, Footer) = (stream, name, footer);

    public ParquetFooter Footer { get; }

    /// <summary>Takes over a stream and reads its footer.</summary>
    /// <param name="stream">The file; disposed with this object, and on failure.</param>
    /// <param name="name">The file's name for messages.</param>
    /// <exception cref="DatasetException">The footer is damaged.</exception>
    public static ParquetRows Open(Stream stream, string name)
    {
        try
        {
            return new ParquetRows(stream, name, ParquetFooter.Read(stream));
        }
        catch (Exception failure)
        {
            stream.Dispose();
            throw failure is InvalidDataException or EndOfStreamException ? new DatasetException($"{name}: {failure.Message.TrimEnd('.')}.", failure) : failure;
        }
    }

    /// <summary>A column that a job names.</summary>
    /// <param name="field">Its name or dotted path.</param>
    /// <param name="key">The job's key, for messages: prompt_field or answer_field.</param>
    /// <exception cref="DatasetException">There is none.</exception>
    public IReadOnlyList<ParquetNode> Column(string field, string key) => Footer.Root.Find(field, out string problem) is { Count: > 0 } chain
        ? chain
        : throw new DatasetException($"{_name}: has no column '{field}': {problem}{(problem.EndsWith('?') ? "" : ".")} Name the right one with {key}.");

    /// <summary>The values of some columns, for each row in order.</summary>
    /// <param name="columns">As <see cref="Column"/> gives them.</param>
    /// <exception cref="DatasetException">A page is damaged; the message names row group, row, column and place.</exception>
    public IEnumerable<DataValue[]> Read(params IReadOnlyList<ParquetNode>[] columns)
    {
        long row = 0;
        for (int index = 0; index < Footer.RowGroups.Count; index++)
        {
            var group = Footer.RowGroups[index];
            if (group.Rows == 0) { continue; }
            RecordReader[] readers = new RecordReader[columns.Length];
            for (int c = 0; c < columns.Length; c++) { readers[c] = Begin(group, columns[c], index, row + 1); }
            for (long i = 0; i < group.Rows; i++)
            {
                row++;
                var values = new DataValue[columns.Length];
                for (int c = 0; c < columns.Length; c++) { values[c] = Next(readers[c], index, row); }
                yield return values;
            }

            foreach (var reader in readers) { Guard(() => { reader.End(); return 0; }, () => reader.At, index, row); }
        }
    }

    public void Dispose() => _stream.Dispose();

    private RecordReader Begin(ParquetRowGroup group, IReadOnlyList<ParquetNode> chain, int index, long row)
    {
        var wanted = chain[^1];
        var cursors = new ColumnCursor[wanted.LeafCount];
        for (int i = 0; i < cursors.Length; i++)
        {
            var chunk = group.Chunks[wanted.FirstLeaf + i];
            cursors[i] = Guard(() => new ColumnCursor(_stream, chunk), () => null, index, row, chunk);
        }

        return new RecordReader(chain, cursors);
    }

    private DataValue Next(RecordReader reader, int group, long row)
    {
        // Without Guard: a closure per value would cost more than the value.
        try
        {
            return reader.Next();
        }
        catch (Exception failure) when (IsDamage(failure))
        {
            throw Damaged(failure, group, row, reader.At.Leaf.Path, reader.At.PageOffset);
        }
    }

    private T Guard<T>(Func<T> read, Func<ColumnCursor?> at, int group, long row, ParquetChunk? chunk = null)
    {
        try
        {
            return read();
        }
        catch (Exception failure) when (IsDamage(failure))
        {
            throw Damaged(failure, group, row, at()?.Leaf.Path ?? chunk!.Leaf.Path, at()?.PageOffset ?? chunk!.Offset);
        }
    }

    // Every length is checked before use; what slips through all the same is damage too, not a defect to end a silo.
    private static bool IsDamage(Exception failure) => failure is InvalidDataException or EndOfStreamException or OverflowException or ArgumentException or IndexOutOfRangeException or NotSupportedException;

    private DatasetException Damaged(Exception failure, int group, long row, string column, long offset) =>
        new($"{_name}: near row {row} (row group {group}), column '{column}', page at byte {offset}: {failure.Message.TrimEnd('.')}.", failure);
}
