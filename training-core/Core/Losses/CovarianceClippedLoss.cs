using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>
/// Clip-Cov (arXiv 2505.22617): the clipped surrogate without the tokens that <see cref="TokenSelection.ForClipping"/> chose.
/// They count in the mean with a loss of 0. Works on tokens of any shape.
/// </summary>
internal static class CovarianceClippedLoss
{
    public static PolicyLossPart Compute(LossTokens tokens, LossSpec spec)
    {
        if (tokens.Selected is null) { throw new ArgumentException("clip_cov needs the shard's selection of tokens.", nameof(tokens)); }
        using var scope = NewDisposeScope();
        Tensor logRatio = tokens.LogRatio();
        var (unclipped, bounded) = ClippedSurrogate.Bounded(tokens.Gain(), logRatio.exp(), spec);
        Tensor losses = maximum(unclipped, bounded).masked_fill(tokens.Selected, Scalars.Of(0));
        var part = PolicyLoss.Sum(tokens, losses, logRatio, bounded.gt(unclipped));
        return new(part.Loss.MoveToOuterDisposeScope(), part.Sums.MoveToOuterDisposeScope());
    }
}
