using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>The plain policy gradient, −A · log-probability (GPG, arXiv 2504.02546). Works on tokens of any shape.</summary>
internal static class PolicyGradientLoss
{
    public static PolicyLossPart Compute(LossTokens tokens)
    {
        using var scope = NewDisposeScope();
        Tensor losses = tokens.Gain() * tokens.LogProbabilities.masked_fill(tokens.Outside, Scalars.Of(0));
        var part = PolicyLoss.Sum(tokens, losses, tokens.LogRatio());
        return new(part.Loss.MoveToOuterDisposeScope(), part.Sums.MoveToOuterDisposeScope());
    }
}
