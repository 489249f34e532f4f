namespace Ctwa.Bench.Measuring;

/// <summary>What a line's ratio, or our figure where there is nothing beside it, should be.</summary>
/// <param name="Benchmark">Name of the benchmark.</param>
/// <param name="Key">Key of the line.</param>
/// <param name="What">For readers.</param>
/// <param name="Bound">Of the ratio or figure.</param>
/// <param name="AtMost">Whether less is better; else more is.</param>
/// <param name="Reached">Committed claim: the summary fails when it no longer holds.</param>
/// <param name="InTheWay">What stands in the way, where the goal is not reached.</param>
internal sealed record Goal(string Benchmark, string Key, string What, double Bound, bool AtMost, bool Reached, string InTheWay = "")
{
    /// <summary>The number that the goal is about.</summary>
    public static double? ValueOf(Comparison line) => line.Against.Length > 0 ? line.Ratio : line.Ours.Median;

    public bool Holds(double value) => AtMost ? value <= Bound : value >= Bound;
}
