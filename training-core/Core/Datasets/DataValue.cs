namespace Ctwa.Training.Datasets;

/// <summary>A value of a data file, whichever format it came in.</summary>
internal abstract record DataValue
{
    /// <summary>Absent or null.</summary>
    public sealed record Nothing : DataValue
    {
        public static Nothing Value { get; } = new();
    }

    public sealed record Text(string Value) : DataValue;

    /// <param name="Written">The number as the file writes it, or in its shortest exact form.</param>
    public sealed record Number(string Written) : DataValue;

    public sealed record Truth(bool Value) : DataValue;

    /// <summary>A value that this reader does not interpret: a date, a decimal, bytes that are no text.</summary>
    /// <param name="Type">What it is, for messages.</param>
    public sealed record Other(string Type) : DataValue;

    public sealed record Sequence(IReadOnlyList<DataValue> Items) : DataValue;

    public sealed record Fields(IReadOnlyList<KeyValuePair<string, DataValue>> Items) : DataValue
    {
        /// <summary>The field of this name; null: there is none.</summary>
        public DataValue? Find(string name)
        {
            foreach (var item in Items)
            {
                if (item.Key == name) { return item.Value; }
            }

            return null;
        }
    }

    /// <summary>The field of exactly this name, or at this dotted path; null: there is none. Through null, a path leads to null.</summary>
    public static DataValue? At(Fields row, string field)
    {
        if (row.Find(field) is { } exact) { return exact; }
        DataValue? at = row;
        foreach (string part in field.Split('.')) { at = at is Nothing ? at : (at as Fields)?.Find(part); }
        return at;
    }

    /// <summary>What it is, for messages.</summary>
    public string Kind => this switch
    {
        Text => "a string",
        Number => "a number",
        Truth => "a boolean",
        Sequence => "a list",
        Fields => "an object",
        Other other => other.Type,
        _ => "null",
    };
}
