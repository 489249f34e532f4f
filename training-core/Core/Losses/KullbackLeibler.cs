using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>Divergence of the policy from the frozen reference policy, as a loss term per token.</summary>
public static class KullbackLeibler
{
    private const double LogRatioBound = 20, DivergenceBound = 10;

    /// <summary>
    /// k3 of Schulman ("Approximating KL divergence", 2020): exp(d) − 1 − d with d = reference − policy
    /// log-probability. d is cut at ±20 and the result at 10, as in the reference; cut tokens get no gradient.
    /// </summary>
    /// <returns>Nats, shape of the arguments.</returns>
    public static Tensor LowVariance(Tensor logProbabilities, Tensor referenceLogProbabilities)
    {
        using var scope = NewDisposeScope();
        Tensor difference = (referenceLogProbabilities - logProbabilities).clamp(Scalars.Of(-LogRatioBound), Scalars.Of(LogRatioBound));
        return (difference.exp() - difference).Plus(-1).clamp(Scalars.Of(-DivergenceBound), Scalars.Of(DivergenceBound)).MoveToOuterDisposeScope();
    }

    /// <summary>Σ weight · k3 as a differentiable scalar, without the job's coefficient.</summary>
    /// <param name="weights">Shape [B, T], from <see cref="TokenWeights"/>; tokens of weight 0 do not count, whatever they hold.</param>
    public static Tensor LowVarianceLoss(Tensor logProbabilities, Tensor referenceLogProbabilities, Tensor weights)
    {
        using var scope = NewDisposeScope();
        // Padding is made equal before the exponential: a masked infinity behind it would turn the gradient to NaN.
        Tensor outside = weights.eq(Scalars.Of(0));
        Tensor divergence = LowVariance(logProbabilities.masked_fill(outside, Scalars.Of(0)), referenceLogProbabilities.masked_fill(outside, Scalars.Of(0)));
        return (divergence * weights).sum().MoveToOuterDisposeScope();
    }
}
