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

    /// <summary>What it is, for messages.</summary>
    public string Kind => this switch
    {
        Text => "a string",
        Number => "a number",
        Truth => "a boolean",
        Sequence => "a list",
        Fields => "an object",
        _ => "null",
    };
}
