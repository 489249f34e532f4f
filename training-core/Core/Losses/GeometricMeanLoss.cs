using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>
/// GMPO (arXiv 2507.20673): a response's loss is −A · exp(mean of its tokens' log-ratios), each held within
/// −clip_low..clip_high in the direction that its advantage pushes; A is the mean advantage. A response weighs what its
/// tokens weigh together, so <c>loss.aggregation</c> holds (the reference always takes the mean over responses, which is
/// sequence_mean_token_mean), and an empty response adds 0.
/// </summary>
internal static class GeometricMeanLoss
{
    public static PolicyLossPart Compute(LossTokens tokens, LossSpec spec)
    {
        using var scope = NewDisposeScope();
        Tensor logRatio = tokens.LogRatio(), advantages = tokens.Gain().neg(), sign = advantages.sign();
        Tensor bounded = logRatio.clamp(Scalars.Of(-spec.ClipLow), Scalars.Of(spec.ClipHigh));
        Tensor held = sign * minimum(sign * logRatio, sign * bounded);
        Tensor ratio = tokens.ResponseMeans(held).exp(), advantage = tokens.ResponseMeans(advantages);
        Tensor weights = stack([.. tokens.Weights.split([.. tokens.Lengths.Select(length => (long)length)]).Select(part => part.sum())]);
        Tensor losses = advantage.neg() * ratio;
        Tensor moved = logRatio.ne(bounded);
        Tensor sums = PolicyLoss.Sums(
            tokens, (losses.detach().to(ScalarType.Float64) * weights).sum(), logRatio,
            moved.logical_and(advantages.gt(Scalars.Of(0))), moved.logical_and(advantages.lt(Scalars.Of(0))));
        return new((losses * weights).sum().MoveToOuterDisposeScope(), sums.MoveToOuterDisposeScope());
    }
}
