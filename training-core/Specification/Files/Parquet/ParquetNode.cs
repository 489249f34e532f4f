namespace Ctwa.Training.Specification;

/// <summary>How often a column's value occurs in its parent. Numbers are those of the format.</summary>
public enum ParquetRepetition { Required = 0, Optional = 1, Repeated = 2 }

/// <summary>How values lie in the file. Numbers are those of the format.</summary>
public enum ParquetPhysicalType { Boolean = 0, Int32 = 1, Int64 = 2, Int96 = 3, Float = 4, Double = 5, ByteArray = 6, FixedLengthByteArray = 7 }

/// <summary>What the values of a leaf mean to this reader.</summary>
public enum ParquetContent
{
    /// <summary>UTF-8 text, or bytes without annotation, which are tried as such.</summary>
    Text,
    Signed,
    Unsigned,
    Floating,
    Boolean,

    /// <summary>Dates, decimals, intervals and the like: shown by name, not read.</summary>
    Other,
}

/// <summary>One node of a parquet file's schema: a leaf with values, or a group.</summary>
/// <param name="Name">Its name in its parent.</param>
/// <param name="Path">Names from the root (left out) to this node, joined by dots.</param>
/// <param name="Repetition">Occurrence in the parent.</param>
/// <param name="Children">Parts of a group; empty: a leaf.</param>
/// <param name="IsList">The group is annotated as a list.</param>
/// <param name="Physical">Of a leaf; null: a group.</param>
/// <param name="Content">Meaning of a leaf's values.</param>
/// <param name="TypeName">For people: <c>string</c>, <c>int64</c>, <c>list&lt;struct&lt;content: string, role: string&gt;&gt;</c>.</param>
/// <param name="FixedLength">Bytes per value of a <see cref="ParquetPhysicalType.FixedLengthByteArray"/>; else 0.</param>
/// <param name="MaxDefinition">Definition level of a value that is there.</param>
/// <param name="MaxRepetition">Repetition level of a further element of the innermost list.</param>
/// <param name="FirstLeaf">Number of the first leaf at or below this node, in the order of the column chunks.</param>
/// <param name="LeafCount">Leaves at or below this node.</param>
public sealed record ParquetNode(
    string Name, string Path, ParquetRepetition Repetition, IReadOnlyList<ParquetNode> Children, bool IsList,
    ParquetPhysicalType? Physical, ParquetContent Content, string TypeName, int FixedLength, int MaxDefinition, int MaxRepetition, int FirstLeaf, int LeafCount)
{
    /// <summary>The node holds values itself.</summary>
    public bool IsLeaf => Physical is not null;

    /// <summary>The repeated child of a list group, whose occurrences are the elements; null: no list.</summary>
    public ParquetNode? Elements => IsList && Children is [{ Repetition: ParquetRepetition.Repeated } child] ? child : null;

    /// <summary>
    /// Each occurrence of <see cref="Elements"/> is a wrapper around the element (the three-level lists that all present writers
    /// make), not the element itself (names that old writers used: the format's backward-compatibility rules).
    /// </summary>
    public bool WrapsElements => Elements is { IsLeaf: false, Children.Count: 1 } wrapper && wrapper.Name != "array" && wrapper.Name != Name + "_tuple";

    /// <summary>The element of a list; null: no list.</summary>
    public ParquetNode? Element => WrapsElements ? Elements!.Children[0] : Elements;

    /// <summary>All leaves at or below this node, in order.</summary>
    public IEnumerable<ParquetNode> Leaves() => IsLeaf ? [this] : Children.SelectMany(child => child.Leaves());

    /// <summary>
    /// The nodes from a column of this root down to the one that a job names: a column of exactly that name, or a path through
    /// structs (<c>reward_model.ground_truth</c>).
    /// </summary>
    /// <param name="name">The name in the job.</param>
    /// <param name="problem">Why there is no such column; empty on success.</param>
    public IReadOnlyList<ParquetNode> Find(string name, out string problem)
    {
        problem = "";
        if (Children.FirstOrDefault(child => child.Name == name) is { } exact) { return [exact]; }
        var chain = new List<ParquetNode>();
        var at = this;
        foreach (string part in name.Split('.'))
        {
            if (at.IsLeaf || at.IsList || (chain.Count > 0 && at.Repetition == ParquetRepetition.Repeated))
            {
                problem = $"'{at.Path}' is {at.TypeName}; a path can only lead through structs";
                return [];
            }

            if (at.Children.FirstOrDefault(child => child.Name == part) is not { } next)
            {
                string there = string.Join(", ", at.Children.Take(20).Select(child => $"'{child.Name}'")) + (at.Children.Count > 20 ? ", ..." : "");
                string guess = NearestKey.Find(part, [.. at.Children.Select(child => child.Name)]) is { } nearest ? $". Did you mean '{(chain.Count == 0 ? "" : at.Path + ".")}{nearest}'?" : "";
                problem = (chain.Count == 0 ? $"the file has no column '{part}'; it has {there}" : $"'{at.Path}' has no field '{part}'; it has {there}") + guess;
                return [];
            }

            chain.Add(at = next);
        }

        return chain;
    }
}
