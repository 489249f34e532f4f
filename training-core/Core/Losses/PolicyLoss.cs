using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>One micro-batch's part of the policy loss.</summary>
/// <param name="Loss">Scalar with a graph: its gradient is the micro-batch's part of the update's gradient.</param>
/// <param name="Sums">Detached float64 vector of <see cref="PolicyLossSums.Size"/> numerators, on the loss's device: one copy per micro-batch.</param>
public readonly record struct PolicyLossPart(Tensor Loss, Tensor Sums);

/// <summary>The family of policy losses: one file each, chosen by <c>loss.kind</c>.</summary>
public static class PolicyLoss
{
    /// <summary>Token (or response) losses, summed with weights from the whole update's counts: the parts of micro-batches and shards add up.</summary>
    public static PolicyLossPart Compute(LossTokens tokens, LossSpec spec) => spec.Kind switch
    {
        LossKind.Ppo => ClippedSurrogate.Compute(tokens, spec),
        LossKind.Gspo => SequenceRatioLoss.Compute(tokens, spec),
        LossKind.Gmpo => GeometricMeanLoss.Compute(tokens, spec),
        LossKind.Gpg => PolicyGradientLoss.Compute(tokens),
        LossKind.Cispo => ClippedWeightLoss.Compute(tokens, spec),
        LossKind.ClipCov => CovarianceClippedLoss.Compute(tokens, spec),
        LossKind.KlCov => CovariancePenaltyLoss.Compute(tokens, spec),
        _ => throw new ArgumentOutOfRangeException(nameof(spec), spec.Kind, "loss.kind must be ppo, gspo, gpg, clip_cov, kl_cov, gmpo or cispo."),
    };

    /// <summary>The kind's loss needs <see cref="LossTokens.Selected"/>.</summary>
    public static bool SelectsTokens(LossKind kind) => kind is LossKind.ClipCov or LossKind.KlCov;

    /// <summary>Σ weight · loss and what is counted beside it.</summary>
    /// <param name="losses">Per token, with a graph.</param>
    /// <param name="logRatio">log ρ per token, 0 outside.</param>
    /// <param name="clipped">Flags of tokens at a ratio bound; null: none.</param>
    /// <param name="clippedLower">Flags of tokens at the bound for negative advantages; null: none.</param>
    internal static PolicyLossPart Sum(LossTokens tokens, Tensor losses, Tensor logRatio, Tensor? clipped = null, Tensor? clippedLower = null)
    {
        using var scope = NewDisposeScope();
        Tensor loss = (losses * tokens.Weights).sum();
        Tensor value = (losses.detach().to(ScalarType.Float64) * tokens.Weights).sum();
        return new(loss.MoveToOuterDisposeScope(), Sums(tokens, value, logRatio, clipped, clippedLower).MoveToOuterDisposeScope());
    }

    /// <summary>The vector of <see cref="PolicyLossPart.Sums"/>.</summary>
    /// <param name="value">The loss in float64, without a graph.</param>
    internal static Tensor Sums(LossTokens tokens, Tensor value, Tensor logRatio, Tensor? clipped, Tensor? clippedLower)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor none = zeros([], ScalarType.Float64, value.device);
        Tensor ratio = logRatio.detach().to(ScalarType.Float64);
        Tensor[] sums =
        [
            value,
            Count(tokens.Outside.logical_not()),
            clipped is null ? none : Count(clipped),
            clippedLower is null ? none : Count(clippedLower),
            ratio.sum().neg(),
            ratio.abs().sum(),
            tokens.Selected is null ? none : Count(tokens.Selected),
        ];
        return stack(sums).MoveToOuterDisposeScope();
    }

    private static Tensor Count(Tensor flags) => flags.sum().to(ScalarType.Float64);
}
