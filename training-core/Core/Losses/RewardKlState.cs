using Ctwa.Training.Specification;

namespace Ctwa.Training.Losses;

/// <summary>Coefficient of the divergence penalty in the reward, as a run remembers it.</summary>
/// <param name="Version">Of this record.</param>
/// <param name="Coefficient">Of the next step.</param>
public sealed record RewardKlState(int Version, double Coefficient)
{
    /// <summary>Version that this build writes.</summary>
    public const int CurrentVersion = 1;

    // Errors beyond this count as this much; arXiv 1909.08593, section 2.2.
    private const double LargestError = 0.2;

    /// <summary>Before the first step.</summary>
    public static RewardKlState Initial(RewardKlSpec spec) => new(CurrentVersion, spec.Coefficient);

    /// <summary>After a step: fixed, or multiplied with 1 + clip(divergence / target − 1, ±0.2) · completions / horizon.</summary>
    /// <param name="divergence">Mean over completions of the mean over their tokens, in nats.</param>
    /// <param name="completions">Of the step.</param>
    public RewardKlState Next(RewardKlSpec spec, double divergence, long completions)
    {
        if (spec.Controller == KlController.Fixed) { return this; }
        double error = Math.Clamp((divergence / spec.Target!.Value) - 1, -LargestError, LargestError);
        return this with { Coefficient = Coefficient * (1 + (error * completions / spec.Horizon!.Value)) };
    }
}
