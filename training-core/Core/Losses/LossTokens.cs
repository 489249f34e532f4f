using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>The tokens of a micro-batch as a policy loss sees them; all vectors have one entry per token, N in all.</summary>
/// <param name="LogProbabilities">Of the policy being trained, with a graph, shape [N] ([B, T] where a loss says so).</param>
/// <param name="OldLogProbabilities">Of the policy that sampled, same shape.</param>
/// <param name="Advantages">Same shape.</param>
/// <param name="Weights">
/// Same shape, from <see cref="TokenWeights"/>; any factor per token may be multiplied in. Tokens of weight 0 are outside:
/// whatever the other tensors hold there reaches neither loss, gradient nor sums.
/// </param>
public sealed record LossTokens(Tensor LogProbabilities, Tensor OldLogProbabilities, Tensor Advantages, Tensor Weights)
{
    /// <summary>Log-ratios beyond this are cut (and get no gradient), as in the reference: e^20 is still finite in float32.</summary>
    internal const double LogRatioBound = 20;

    /// <summary>Tokens of each response, in order; they add up to N. For losses that look at whole responses.</summary>
    public int[] Lengths { get; init; } = [];

    /// <summary>Tokens that <see cref="TokenSelection"/> chose over the shard's whole part of the update, shape [N], bool. For losses that need them.</summary>
    public Tensor? Selected { get; init; }

    /// <summary>Where the weight is 0.</summary>
    internal Tensor Outside { get; } = Weights.eq(Scalars.Of(0));

    /// <summary>log ρ, 0 outside.</summary>
    /// <param name="bound">Cut at ± this.</param>
    internal Tensor LogRatio(double bound = LogRatioBound) =>
        (LogProbabilities - OldLogProbabilities).masked_fill(Outside, Scalars.Of(0)).clamp(Scalars.Of(-bound), Scalars.Of(bound));

    /// <summary>−A, 0 outside.</summary>
    internal Tensor Gain() => Advantages.masked_fill(Outside, Scalars.Of(0)).neg();

    /// <summary>Mean over each response's tokens, in order.</summary>
    /// <param name="values">Shape [N].</param>
    /// <returns>Shape [responses]; 0 for an empty response.</returns>
    internal Tensor ResponseMeans(Tensor values)
    {
        // The reference adds 1e-8 to the length, and so do we: the difference is below float32's rounding.
        var parts = values.split([.. Lengths.Select(length => (long)length)]);
        return stack([.. parts.Select((part, i) => part.sum().DividedBy(Lengths[i] + 1e-8))]);
    }

    /// <summary>One value per response to one per token, without a graph.</summary>
    internal Tensor PerToken(Tensor perResponse)
    {
        using Tensor counts = tensor([.. Lengths.Select(length => (long)length)], dtype: ScalarType.Int64, device: perResponse.device);
        return perResponse.detach().repeat_interleave(counts);
    }
}
