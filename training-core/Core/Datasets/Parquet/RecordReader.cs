using Ctwa.Training.Specification;

namespace Ctwa.Training.Datasets.Parquet;

/// <summary>
/// Puts one column's values together again, a row at a time, from the levels of its leaves (Melnik et al., "Dremel", VLDB 2010).
/// Only the leaves at or below the node that the job names are read.
/// </summary>
/// <param name="chain">Nodes from the column down to the wanted one, as <see cref="ParquetNode.Find"/> gives them.</param>
/// <param name="leaves">A cursor per leaf of the last node.</param>
internal sealed class RecordReader(IReadOnlyList<ParquetNode> chain, ColumnCursor[] leaves)
{
    private const int MaxItems = 1_000_000;

    private readonly ParquetNode _wanted = chain[^1];
    private int _items;

    /// <summary>The next row's value; <see cref="DataValue.Nothing"/> where it or a struct around it is null.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public DataValue Next()
    {
        _items = 0;
        foreach (var leaf in leaves)
        {
            At = leaf;
            if (leaf.Ended || leaf.Repetition != 0) { throw new InvalidDataException("rows and lists do not fit together"); }
        }

        foreach (var node in chain.SkipLast(1))
        {
            if (node.Repetition == ParquetRepetition.Optional && leaves[0].Definition < node.MaxDefinition) { return Skip(node); }
        }

        return Read(_wanted);
    }

    /// <summary>The leaf that was read last, for messages.</summary>
    public ColumnCursor At { get; private set; } = leaves[0];

    /// <summary>All leaves are at their end.</summary>
    /// <exception cref="InvalidDataException">One of them is not.</exception>
    public void End()
    {
        foreach (var leaf in leaves)
        {
            At = leaf;
            if (!leaf.Ended) { throw new InvalidDataException("has more entries than the row group has rows"); }
        }
    }

    private DataValue Read(ParquetNode node)
    {
        var first = leaves[node.FirstLeaf - _wanted.FirstLeaf];
        At = first;
        bool there = first.Definition >= node.MaxDefinition;
        switch (node.Repetition)
        {
            case ParquetRepetition.Optional when !there: return Skip(node);
            case ParquetRepetition.Repeated when !there:
                Skip(node);
                return new DataValue.Sequence([]);
            case ParquetRepetition.Repeated:
                var items = new List<DataValue>();
                do
                {
                    if (++_items > MaxItems) { throw new InvalidDataException($"a row has lists of more than {MaxItems} elements"); }
                    items.Add(Content(node));
                }
                while (!first.Ended && first.Repetition == node.MaxRepetition);
                return new DataValue.Sequence(items);
            default: return Content(node);
        }
    }

    private DataValue Content(ParquetNode node)
    {
        if (node.IsLeaf)
        {
            At = leaves[node.FirstLeaf - _wanted.FirstLeaf];
            return At.Take();
        }

        if (node.Elements is { } elements)
        {
            var read = Read(elements);
            return node.WrapsElements && read is DataValue.Sequence list ? new DataValue.Sequence([.. list.Items.Select(item => ((DataValue.Fields)item).Items[0].Value)]) : read;
        }

        var fields = new KeyValuePair<string, DataValue>[node.Children.Count];
        for (int i = 0; i < fields.Length; i++) { fields[i] = new(node.Children[i].Name, Read(node.Children[i])); }
        return new DataValue.Fields(fields);
    }

    /// <summary>Passes over the one entry that each leaf below a missing node has.</summary>
    private DataValue Skip(ParquetNode node)
    {
        // Above the wanted node, only its leaves are at hand.
        int first = Math.Max(0, node.FirstLeaf - _wanted.FirstLeaf), last = Math.Min(leaves.Length, node.FirstLeaf + node.LeafCount - _wanted.FirstLeaf);
        for (int i = first; i < last; i++)
        {
            At = leaves[i];
            At.Skip(node.MaxDefinition);
        }

        return DataValue.Nothing.Value;
    }
}
