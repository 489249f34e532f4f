using System.Numerics;

namespace Ctwa.Training.Scalarizers;

/// <summary>How token weights become one weight per completion.</summary>
public enum WeightAggregation
{
    /// <summary>Sum over all tokens divided by their number.</summary>
    Mean,

    /// <summary>Sum divided by the number of unclipped tokens.</summary>
    MeanUnclipped,

    /// <summary>Sum.</summary>
    Sum,
}

/// <summary>
/// Weight with which a completion enters the clipped policy gradient: w = Â·(1/L)Σ_l ρ_l·1[unclipped_l], where Â is the
/// mean token advantage, ρ the importance ratio (log-ratio clamped to ±20), and a token is unclipped if ρ ≤ 1 + ε_high
/// for Â ≥ 0, else if ρ ≥ 1 − ε_low. Equals the reference implementation.
/// </summary>
public static class ClippedAdvantageWeight
{
    private const double LargestLogRatio = 20;

    /// <summary>Weight of one completion; NaN for one without tokens.</summary>
    /// <param name="oldLogProbs">Log-probabilities under the sampling policy, shape [T].</param>
    /// <param name="newLogProbs">Log-probabilities under the updated policy, shape [T].</param>
    /// <param name="advantages">Token advantages, shape [T].</param>
    /// <param name="mask">1 for response tokens, 0 elsewhere, shape [T].</param>
    /// <param name="clipLow">ε_low.</param>
    /// <param name="clipHigh">ε_high.</param>
    /// <param name="aggregation">From token weights to the completion's.</param>
    /// <param name="unclipped">Number of unclipped tokens.</param>
    public static double Of<T>(ReadOnlySpan<T> oldLogProbs, ReadOnlySpan<T> newLogProbs, ReadOnlySpan<T> advantages, ReadOnlySpan<T> mask, double clipLow, double clipHigh, WeightAggregation aggregation, out int unclipped)
        where T : IFloatingPointIeee754<T>
    {
        double tokens = 0, advantage = 0, ratios = 0;
        for (int t = 0; t < mask.Length; t++)
        {
            double counts = double.CreateChecked(mask[t]);
            tokens += counts;
            advantage += counts * double.CreateChecked(advantages[t]);
        }

        advantage /= tokens;
        unclipped = 0;
        for (int t = 0; t < mask.Length; t++)
        {
            if (mask[t] == T.Zero) { continue; }
            ratios += ActiveRatios(oldLogProbs.Slice(t, 1), newLogProbs.Slice(t, 1), advantage >= 0, clipLow, clipHigh, out int open);
            unclipped += open;
        }

        return aggregation switch
        {
            WeightAggregation.Mean => advantage * ratios / tokens,
            WeightAggregation.MeanUnclipped => advantage * ratios / (unclipped + 1e-8),
            WeightAggregation.Sum => advantage * ratios,
            _ => throw new ArgumentOutOfRangeException(nameof(aggregation), aggregation, "known aggregations are mean, mean_unclipped and sum."),
        };
    }

    /// <summary>Σ_l ρ_l over the unclipped tokens.</summary>
    /// <param name="positive">The completion's advantage is at least 0: only large ratios are clipped; else only small ones.</param>
    /// <param name="unclipped">Their number.</param>
    internal static double ActiveRatios<T>(ReadOnlySpan<T> oldLogProbs, ReadOnlySpan<T> newLogProbs, bool positive, double clipLow, double clipHigh, out int unclipped)
        where T : IFloatingPointIeee754<T>
    {
        double ratios = 0;
        unclipped = 0;
        for (int t = 0; t < newLogProbs.Length; t++)
        {
            double ratio = Math.Exp(Math.Clamp(double.CreateChecked(newLogProbs[t]) - double.CreateChecked(oldLogProbs[t]), -LargestLogRatio, LargestLogRatio));
            if (positive ? ratio > 1 + clipHigh : !(ratio >= 1 - clipLow)) { continue; }
            unclipped++;
            ratios += ratio;
        }

        return ratios;
    }
}
