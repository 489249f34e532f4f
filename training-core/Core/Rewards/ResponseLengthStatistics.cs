using System.Text.Json.Serialization;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>
/// Running mean of the response lengths of training steps, in tokens: the yardstick of <see cref="ConcisenessReward"/>.
/// Part of the run's state; immutable, so that scoring, retries and validation cannot move it.
/// </summary>
public sealed record ResponseLengthStatistics
{
    /// <summary>corrected: a batch is compared with earlier steps only, in float64; reference: the batch itself counts, and the mean is rounded to float32.</summary>
    public MethodMode Mode { get; init; } = MethodMode.Corrected;

    /// <summary>Share of its weight that an earlier step keeps at each new step; 1: all responses so far count alike. Ignored in reference mode.</summary>
    public double Decay { get; init; } = 1.0;

    /// <summary>Weighted sum of the lengths of the steps so far.</summary>
    public double WeightedLength { get; init; }

    /// <summary>Sum of the weights of the responses so far.</summary>
    public double Weight { get; init; }

    /// <summary>Mean length of the steps so far; null before the first.</summary>
    [JsonIgnore]
    public double? Mean => Weight > 0 ? WeightedLength / Weight : null;

    /// <summary>Statistics before the first step, with the settings of the job's conciseness objective (defaults if it has none).</summary>
    /// <exception cref="ArgumentException">Two conciseness objectives differ in mode or decay: there is one running mean per run.</exception>
    public static ResponseLengthStatistics Start(IReadOnlyList<ObjectiveSpec> objectives)
    {
        var specs = objectives.Select(objective => objective.Reward).OfType<ConcisenessRewardSpec>().Distinct().ToList();
        if (specs.Count > 1) { throw new ArgumentException($"{specs.Count} conciseness objectives differ in mode or decay ({string.Join("; ", specs.Select(spec => FormattableString.Invariant($"{spec.Mode}, {spec.Decay}")))}); a run has one running mean length, give them the same settings.", nameof(objectives)); }
        return specs.Count == 0 ? new() : new() { Mode = specs[0].Mode, Decay = specs[0].Decay };
    }

    /// <summary>Length that this training batch is compared with: the mean of earlier steps, or of the batch itself if there are none.</summary>
    /// <exception cref="ArgumentException">The batch is empty.</exception>
    public double ThresholdFor(ReadOnlySpan<int> batchLengths)
    {
        if (Mode == MethodMode.Reference) { return (float)Next(batchLengths).Mean!.Value; }
        return Mean ?? MeanOf(batchLengths);
    }

    /// <summary>
    /// Length that held-out responses are compared with. Corrected: the fixed mean length at their first measurement, which
    /// is the batch's own mean at that moment. Reference: the last training threshold, NaN (everybody scores 1) before training.
    /// </summary>
    /// <param name="batchLengths">Lengths of the held-out responses.</param>
    /// <param name="firstMean">Mean length at the first measurement of these prompts; null: this is the first.</param>
    /// <exception cref="ArgumentException">The batch is empty.</exception>
    public double ValidationThresholdFor(ReadOnlySpan<int> batchLengths, double? firstMean)
    {
        if (Mode == MethodMode.Reference) { return Mean is { } mean ? (float)mean : double.NaN; }
        return firstMean ?? MeanOf(batchLengths);
    }

    /// <summary>Statistics after a training step with these lengths.</summary>
    /// <exception cref="ArgumentException">The batch is empty.</exception>
    public ResponseLengthStatistics Next(ReadOnlySpan<int> batchLengths)
    {
        long total = TotalOf(batchLengths);
        double keep = Mode == MethodMode.Reference ? 1 : Decay;
        return this with { WeightedLength = (keep * WeightedLength) + total, Weight = (keep * Weight) + batchLengths.Length };
    }

    private static double MeanOf(ReadOnlySpan<int> lengths) => (double)TotalOf(lengths) / lengths.Length;

    private static long TotalOf(ReadOnlySpan<int> lengths)
    {
        if (lengths.IsEmpty) { throw new ArgumentException("a batch without responses has no mean length; give at least one response."); }
        long total = 0;
        foreach (int length in lengths) { total += length; }
        return total;
    }
}
