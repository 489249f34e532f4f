using Ctwa.Training.Scalarizers;

namespace Ctwa.Training.Steps;

/// <summary>How a completion enters the policy gradient under the updated policy, and how much likelier it became.</summary>
/// <param name="Clipped">w = Â·(1/L)Σ_l ρ_l·1[unclipped_l] (arXiv 2602.06869, the clipped covariance law); see <see cref="ClippedAdvantageWeight"/>.</param>
/// <param name="Unclipped">The same with every token: Â·(1/L)Σ_l ρ_l. Their difference is the distortion by clipping.</param>
/// <param name="LogRatio">log of π_new(y|x) / π_old(y|x), summed over the completion's tokens, in nats.</param>
/// <param name="ActiveTokens">Tokens that are not clipped.</param>
public readonly record struct PostUpdateMeasurement(double Clipped, double Unclipped, double LogRatio, int ActiveTokens)
{
    /// <summary>Measures one completion; all 0 for an empty one.</summary>
    /// <param name="signal">Its mean token advantage Â.</param>
    /// <param name="old">Log-probabilities when it was sampled, shape [L].</param>
    /// <param name="present">Log-probabilities now, shape [L].</param>
    /// <param name="clipLow">ε_low.</param>
    /// <param name="clipHigh">ε_high.</param>
    public static PostUpdateMeasurement Of(double signal, ReadOnlySpan<float> old, ReadOnlySpan<float> present, double clipLow, double clipHigh)
    {
        if (present.IsEmpty) { return default; }
        double active = ClippedAdvantageWeight.ActiveRatios(old, present, signal >= 0, clipLow, clipHigh, out int tokens);
        double all = ClippedAdvantageWeight.ActiveRatios(old, present, positive: true, clipLow, double.PositiveInfinity, out _);
        double logRatio = 0;
        for (int t = 0; t < present.Length; t++) { logRatio += (double)present[t] - old[t]; }
        return new(signal * active / present.Length, signal * all / present.Length, logRatio, tokens);
    }
}
