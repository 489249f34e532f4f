using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>
/// GSPO in its token form (arXiv 2507.18071, section 4.3): the ratio of every token of a response is
/// s = exp(mean log ρ), whose value has no gradient; each token's gradient is that of its own log-probability.
/// The reference aggregates by responses whatever the job says; here <c>loss.aggregation</c> holds.
/// </summary>
internal static class SequenceRatioLoss
{
    // exp(10) times an advantage is finite in float32 with room for sums; the reference's value.
    private const double LogRatioCeiling = 10;

    public static PolicyLossPart Compute(LossTokens tokens, LossSpec spec)
    {
        using var scope = NewDisposeScope();
        // Unbounded as in the reference: a mean of cut ratios would be another number.
        Tensor logRatio = tokens.LogRatio(double.PositiveInfinity);
        Tensor own = tokens.LogProbabilities.masked_fill(tokens.Outside, Scalars.Of(0));
        Tensor logSequenceRatio = (own - own.detach()).Plus(tokens.PerToken(tokens.ResponseMeans(logRatio.detach()))).clamp(max: Scalars.Of(LogRatioCeiling));
        var (unclipped, bounded) = ClippedSurrogate.Bounded(tokens.Gain(), logSequenceRatio.exp(), spec);
        var part = PolicyLoss.Sum(tokens, maximum(unclipped, bounded), logRatio, bounded.gt(unclipped));
        return new(part.Loss.MoveToOuterDisposeScope(), part.Sums.MoveToOuterDisposeScope());
    }
}
