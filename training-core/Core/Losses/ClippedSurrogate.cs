using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>
/// Clipped surrogate (PPO, arXiv 1707.06347) with separate bounds below and above (arXiv 2503.14476) and a bound for
/// negative advantages (dual clip, arXiv 1912.09729). Works on tokens of any shape.
/// </summary>
internal static class ClippedSurrogate
{
    /// <summary>Token losses −A·ρ, clipped.</summary>
    public static PolicyLossPart Compute(LossTokens tokens, LossSpec spec)
    {
        using var scope = NewDisposeScope();
        Tensor logRatio = tokens.LogRatio(), gain = tokens.Gain();
        var (unclipped, bounded) = Bounded(gain, logRatio.exp(), spec);
        Tensor clipped = maximum(unclipped, bounded), losses = clipped;
        Tensor? lower = null;
        if (spec.DualClip > 0)
        {
            // Bounds the loss where the advantage is negative only; elsewhere gain ≤ 0 and the ceiling is below the loss.
            Tensor ceiling = gain.Times(spec.DualClip), negative = gain.gt(Scalars.Of(0));
            losses = where(negative, minimum(ceiling, clipped), clipped);
            lower = clipped.gt(ceiling).logical_and(negative);
        }

        var part = PolicyLoss.Sum(tokens, losses, logRatio, bounded.gt(unclipped), lower);
        return new(part.Loss.MoveToOuterDisposeScope(), part.Sums.MoveToOuterDisposeScope());
    }

    /// <summary>−A·ρ and −A·clip(ρ, 1 − clip_low, 1 + clip_high).</summary>
    internal static (Tensor Unclipped, Tensor Bounded) Bounded(Tensor gain, Tensor ratio, LossSpec spec) =>
        (gain * ratio, gain * ratio.clamp(Scalars.Of(1 - spec.ClipLow), Scalars.Of(1 + spec.ClipHigh)));
}
