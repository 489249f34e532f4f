namespace Ctwa.Bench.Simulate;

/// <summary>What could be other than it is in the code. The default is the code as it is.</summary>
/// <param name="OwnOrder">Each silo begins with another source (the one after itself) when it pulls sums and weights, instead of all with the first.</param>
/// <param name="RangeCopies">A device hands over the range that is asked for, instead of copying the whole vector to the host for each request.</param>
/// <param name="FannedSlices">Calls to slices go in batches by silo, as those to shards do.</param>
internal sealed record ScaleChanges(bool OwnOrder = true, bool RangeCopies = true, bool FannedSlices = false)
{
    /// <summary>As the code was before silos began their pulls elsewhere and devices handed over ranges: what that cost.</summary>
    public static ScaleChanges Before { get; } = new(false, false, false);

    /// <summary>All of them.</summary>
    public static ScaleChanges All { get; } = new(true, true, true);
}
