namespace Ctwa.Bench.Measuring;

/// <summary>One line of a benchmark: our figure beside another's for the same work.</summary>
/// <param name="Key">Name that goals, bounds and JSON files use; unique within a benchmark.</param>
/// <param name="What">What was done, for readers.</param>
/// <param name="Unit">Of both figures: seconds, tokens/s, GB/s, ...</param>
/// <param name="Ours">Our figure.</param>
/// <param name="Against">Who the other is, with its version.</param>
/// <param name="Theirs">The other's figure; null if it is not here, or there is none.</param>
/// <param name="Ratio">Ours ÷ theirs in the unit, from interleaved rounds; null without the other.</param>
/// <param name="Skipped">Why the other is not here; null if it is.</param>
/// <param name="PeakBytes">Most memory that our process held meanwhile (resident); null if not measured.</param>
internal sealed record Comparison(string Key, string What, string Unit, Figure Ours, string Against, Figure? Theirs, double? Ratio, string? Skipped = null, long? PeakBytes = null)
{
    /// <summary>From seconds of interleaved rounds, as times.</summary>
    public static Comparison OfTimes(string key, string what, double[] ours, string against, double[]? theirs, string? skipped = null, long? peak = null) =>
        new(key, what, "s", Figure.Of(ours), against, theirs is null ? null : Figure.Of(theirs), theirs is null ? null : Interleaved.Ratio(ours, theirs), skipped, peak);

    /// <summary>From seconds of interleaved rounds, as amounts per second.</summary>
    /// <param name="amount">Done in one round by each.</param>
    public static Comparison OfRates(string key, string what, string unit, double amount, double[] ours, string against, double[]? theirs, string? skipped = null, long? peak = null) =>
        new(key, what, unit, Figure.Of(ours).As(s => amount / s), against, theirs is null ? null : Figure.Of(theirs).As(s => amount / s), theirs is null ? null : 1 / Interleaved.Ratio(ours, theirs), skipped, peak);

    /// <summary>A figure of ours alone.</summary>
    public static Comparison Alone(string key, string what, string unit, Figure ours, long? peak = null) => new(key, what, unit, ours, "", null, null, null, peak);
}
