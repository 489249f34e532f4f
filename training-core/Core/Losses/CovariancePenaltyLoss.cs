using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>
/// KL-Cov (arXiv 2505.22617): −A·ρ, with a penalty on |log ρ| at the tokens that <see cref="TokenSelection.ForPenalty"/> chose.
/// Works on tokens of any shape.
/// </summary>
internal static class CovariancePenaltyLoss
{
    public static PolicyLossPart Compute(LossTokens tokens, LossSpec spec)
    {
        if (tokens.Selected is null) { throw new ArgumentException("kl_cov needs the shard's selection of tokens.", nameof(tokens)); }
        using var scope = NewDisposeScope();
        Tensor logRatio = tokens.LogRatio();
        Tensor penalty = logRatio.abs().Times(spec.CovPenalty).masked_fill(tokens.Selected.logical_not(), Scalars.Of(0));
        var part = PolicyLoss.Sum(tokens, (tokens.Gain() * logRatio.exp()).Plus(penalty), logRatio);
        return new(part.Loss.MoveToOuterDisposeScope(), part.Sums.MoveToOuterDisposeScope());
    }
}
