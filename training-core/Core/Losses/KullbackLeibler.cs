using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>Divergence of the policy from the frozen reference policy per token (Schulman, "Approximating KL divergence", 2020).</summary>
public static class KullbackLeibler
{
    private const double LogRatioBound = 20, DivergenceBound = 10;

    /// <summary>The estimate of a kind; see <see cref="KlKind"/>. Cut tokens of low_var_kl get no gradient, as in the reference.</summary>
    /// <param name="straightThrough">The value of the kind with the gradient of mse, which is the gradient of the divergence in expectation.</param>
    /// <returns>Nats, shape of the arguments.</returns>
    public static Tensor Divergence(KlKind kind, Tensor logProbabilities, Tensor referenceLogProbabilities, bool straightThrough = false)
    {
        using var scope = NewDisposeScope();
        Tensor difference = logProbabilities - referenceLogProbabilities;
        Tensor value = kind switch
        {
            KlKind.Kl => difference,
            KlKind.Abs => difference.abs(),
            KlKind.Mse => (difference * difference).Times(0.5),
            KlKind.LowVarKl => LowVariance(difference),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "kl kinds are low_var_kl, kl, abs and mse."),
        };
        if (straightThrough)
        {
            Tensor half = (difference * difference).Times(0.5);
            value = (half - half.detach()).Plus(value.detach());
        }

        return value.MoveToOuterDisposeScope();
    }

    /// <summary>The same of a job's loss term.</summary>
    public static Tensor Divergence(KlSpec spec, Tensor logProbabilities, Tensor referenceLogProbabilities) =>
        Divergence(spec.Kind, logProbabilities, referenceLogProbabilities, spec.StraightThrough);

    /// <summary>Σ weight · divergence as a differentiable scalar, without the job's coefficient.</summary>
    /// <param name="weights">From <see cref="TokenWeights"/>; tokens of weight 0 do not count, whatever they hold.</param>
    public static Tensor Loss(KlSpec spec, Tensor logProbabilities, Tensor referenceLogProbabilities, Tensor weights)
    {
        using var scope = NewDisposeScope();
        // Padding is made equal before the exponential: a masked infinity behind it would turn the gradient to NaN.
        Tensor outside = weights.eq(Scalars.Of(0));
        Tensor divergence = Divergence(spec, logProbabilities.masked_fill(outside, Scalars.Of(0)), referenceLogProbabilities.masked_fill(outside, Scalars.Of(0)));
        return (divergence * weights).sum().MoveToOuterDisposeScope();
    }

    private static Tensor LowVariance(Tensor difference)
    {
        Tensor cut = difference.neg().clamp(Scalars.Of(-LogRatioBound), Scalars.Of(LogRatioBound));
        return (cut.exp() - cut).Plus(-1).clamp(Scalars.Of(-DivergenceBound), Scalars.Of(DivergenceBound));
    }
}
