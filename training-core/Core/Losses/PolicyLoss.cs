using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>One micro-batch's part of the policy loss.</summary>
/// <param name="Loss">Scalar with a graph: its gradient is the micro-batch's part of the update's gradient.</param>
/// <param name="Sums">Detached float64 vector of <see cref="PolicyLossSums.Size"/> numerators, on the loss's device: one copy per micro-batch.</param>
public readonly record struct PolicyLossPart(Tensor Loss, Tensor Sums);

/// <summary>
/// Clipped surrogate (PPO, arXiv 1707.06347) with separate bounds below and above (arXiv 2503.14476) and a bound for
/// negative advantages (dual clip, arXiv 1912.09729).
/// </summary>
public static class PolicyLoss
{
    /// <summary>Log-ratios beyond this are cut (and get no gradient), as in the reference: e^20 is still finite in float32.</summary>
    internal const double LogRatioBound = 20;

    /// <summary>Token losses −A·ρ, clipped, summed with weights.</summary>
    /// <param name="logProbabilities">Of the policy being trained, with a graph, shape [B, T].</param>
    /// <param name="oldLogProbabilities">Of the policy that sampled, shape [B, T].</param>
    /// <param name="advantages">Shape [B, T].</param>
    /// <param name="weights">
    /// Shape [B, T], from <see cref="TokenWeights"/>; any factor per token may be multiplied in. Tokens of weight 0 are
    /// outside: whatever the other tensors hold there reaches neither loss, gradient nor sums.
    /// </param>
    public static PolicyLossPart Compute(Tensor logProbabilities, Tensor oldLogProbabilities, Tensor advantages, Tensor weights, LossSpec spec)
    {
        using var scope = NewDisposeScope();
        Tensor outside = weights.eq(Scalars.Of(0));
        Tensor logRatio = (logProbabilities - oldLogProbabilities).masked_fill(outside, Scalars.Of(0)).clamp(Scalars.Of(-LogRatioBound), Scalars.Of(LogRatioBound));
        Tensor ratio = logRatio.exp();
        Tensor gain = advantages.masked_fill(outside, Scalars.Of(0)).neg();
        Tensor unclipped = gain * ratio;
        Tensor bounded = gain * ratio.clamp(Scalars.Of(1 - spec.ClipLow), Scalars.Of(1 + spec.ClipHigh));
        Tensor clipped = maximum(unclipped, bounded);
        Tensor losses = clipped;
        Tensor? ceiling = null;
        if (spec.DualClip > 0)
        {
            // Bounds the loss where the advantage is negative only; elsewhere gain ≤ 0 and the ceiling is below the loss.
            ceiling = gain.Times(spec.DualClip);
            losses = where(gain.gt(Scalars.Of(0)), minimum(ceiling, clipped), clipped);
        }

        Tensor loss = (losses * weights).sum();
        using (no_grad())
        {
            Tensor lower = ceiling is null ? zeros_like(outside) : clipped.gt(ceiling).logical_and(gain.gt(Scalars.Of(0)));
            Tensor[] sums =
            [
                (losses.detach().to(ScalarType.Float64) * weights).sum(),
                Count(outside.logical_not()),
                Count(bounded.gt(unclipped)),
                Count(lower),
                logRatio.detach().to(ScalarType.Float64).sum().neg(),
            ];
            return new(loss.MoveToOuterDisposeScope(), stack(sums).MoveToOuterDisposeScope());
        }
    }

    private static Tensor Count(Tensor flags) => flags.sum().to(ScalarType.Float64);
}
