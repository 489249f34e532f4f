using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Numerics;

/// <summary>
/// Log-probability and entropy of next-token distributions, from logits of shape [..., V]. Both are independent per
/// row, so a caller that wants to bound memory passes rows in chunks.
/// </summary>
public static class TokenDistribution
{
    /// <summary>log p(label) per row, differentiable, in nats.</summary>
    /// <param name="logits">Finite, shape [..., V].</param>
    /// <param name="labels">int64 ids below V, shape [...].</param>
    /// <returns>Shape [...].</returns>
    public static Tensor LogProbabilities(Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return Chosen(logits.log_softmax(-1), labels).MoveToOuterDisposeScope();
    }

    /// <summary>Shannon entropy per row, differentiable, in nats.</summary>
    /// <param name="logits">Finite, shape [..., V].</param>
    /// <returns>Shape [...].</returns>
    public static Tensor Entropy(Tensor logits)
    {
        using var scope = NewDisposeScope();
        return EntropyOf(logits.log_softmax(-1)).MoveToOuterDisposeScope();
    }

    /// <summary><see cref="LogProbabilities"/> and <see cref="Entropy"/> from one softmax.</summary>
    public static (Tensor LogProbabilities, Tensor Entropy) Measure(Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        Tensor all = logits.log_softmax(-1);
        return (Chosen(all, labels).MoveToOuterDisposeScope(), EntropyOf(all).MoveToOuterDisposeScope());
    }

    private static Tensor Chosen(Tensor logProbabilities, Tensor labels) => logProbabilities.gather(-1, labels.unsqueeze(-1)).squeeze(-1);

    private static Tensor EntropyOf(Tensor logProbabilities) => (logProbabilities.exp() * logProbabilities).sum(dim: -1).neg();
}
