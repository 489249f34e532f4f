namespace Ctwa.Training.Losses;

/// <summary>Entropy of the policy's next-token distributions, aggregated like the policy loss.</summary>
public static class EntropyLoss
{
    /// <summary>Σ weight · entropy as a differentiable scalar. It is a bonus: subtract it, times the job's coefficient, from the loss.</summary>
    /// <param name="entropy">Nats, shape [B, T], from <see cref="Numerics.TokenDistribution"/>.</param>
    /// <param name="weights">Shape [B, T], from <see cref="TokenWeights"/>.</param>
    public static Tensor Compute(Tensor entropy, Tensor weights) => TokenWeights.WeightedSum(entropy, weights);
}
