namespace Ctwa.Training.Datasets;

/// <summary>How far a run has read its data; saved with every checkpoint.</summary>
/// <param name="Epoch">Number of complete passes.</param>
/// <param name="Offset">Examples of this pass already read; less than the size of the data set.</param>
public sealed record DatasetCursor(long Epoch, long Offset)
{
    /// <summary>Nothing read yet.</summary>
    public static DatasetCursor Start { get; } = new(0, 0);
}
