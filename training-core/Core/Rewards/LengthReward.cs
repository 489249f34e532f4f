using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>
/// 0 at accepted lengths, falling to -1 beyond them. With <c>max_tokens</c> L and <c>window</c> c the linear form is DAPO's soft
/// overlong punishment (arXiv 2503.14476, equation 13): 0 up to L - c, then (L - c - n) / c, and -1 from L on.
/// </summary>
public sealed class LengthReward(LengthRewardSpec spec) : IReward
{
    /// <inheritdoc/>
    public double Score(in ScoredCompletion completion, in RewardContext context)
    {
        double n = completion.ResponseTokens, excess = 0;
        if (spec.MaxTokens is { } max) { excess = Math.Max(excess, n - (max - spec.Window)); }
        if (spec.MinTokens is { } min) { excess = Math.Max(excess, min + spec.Window - n); }
        if (spec.Target is { } target) { excess = Math.Abs(n - target); }
        double share = Math.Min(1, excess / spec.Window);
        // 0 - x, so that no score is -0.
        return 0 - (spec.Shape == PenaltyShape.Linear ? share : (1 - Math.Cos(Math.PI * share)) / 2);
    }
}
