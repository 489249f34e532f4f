using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>
/// CISPO (arXiv 2506.13585, equation 4): −A · clip(ρ) · log-probability, where the bounded ratio is a weight without a
/// gradient. A clipped token keeps its gradient; only its weight is bounded. Works on tokens of any shape.
/// </summary>
internal static class ClippedWeightLoss
{
    public static PolicyLossPart Compute(LossTokens tokens, LossSpec spec)
    {
        using var scope = NewDisposeScope();
        Tensor logRatio = tokens.LogRatio(), ratio = logRatio.detach().exp();
        Tensor bounded = ratio.clamp(Scalars.Of(1 - spec.ClipLow), Scalars.Of(1 + spec.ClipHigh));
        Tensor losses = tokens.Gain() * bounded * tokens.LogProbabilities.masked_fill(tokens.Outside, Scalars.Of(0));
        var part = PolicyLoss.Sum(tokens, losses, logRatio, ratio.ne(bounded));
        return new(part.Loss.MoveToOuterDisposeScope(), part.Sums.MoveToOuterDisposeScope());
    }
}
