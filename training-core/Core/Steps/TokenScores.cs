using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>Log-probabilities and entropies of response tokens from hidden states, at the temperature of sampling.</summary>
internal static class TokenScores
{
    /// <summary>Of all rows at once.</summary>
    /// <param name="hidden">Shape [N, C].</param>
    /// <param name="targets">int64 [N].</param>
    /// <returns>Each [N], float32, in nats, with a graph where the hidden states have one.</returns>
    public static (Tensor LogProbabilities, Tensor? Entropy) Of(IPolicyModel model, Tensor hidden, Tensor targets, double temperature, bool withEntropy)
    {
        var logits = model.Logits(hidden);
        if (temperature != 1) { logits = logits.DividedBy(temperature); }
        if (!withEntropy) { return (TokenDistribution.LogProbabilities(logits, targets), null); }
        return TokenDistribution.Measure(logits, targets);
    }

    /// <summary>Without a graph, at most <paramref name="rows"/> rows of logits at once: a matrix of [tokens, vocabulary] would be the job's largest.</summary>
    public static (Tensor LogProbabilities, Tensor? Entropy) InChunks(IPolicyModel model, Tensor hidden, Tensor targets, double temperature, bool withEntropy, int rows)
    {
        using var noGrad = no_grad();
        long count = hidden.size(0);
        if (count <= rows) { return Of(model, hidden, targets, temperature, withEntropy); }
        var logProbabilities = new List<Tensor>();
        var entropies = new List<Tensor>();
        for (long first = 0; first < count; first += rows)
        {
            using var scope = NewDisposeScope();
            long taken = Math.Min(rows, count - first);
            var (chunk, entropy) = Of(model, hidden.narrow(0, first, taken), targets.narrow(0, first, taken), temperature, withEntropy);
            logProbabilities.Add(chunk.MoveToOuterDisposeScope());
            if (entropy is not null) { entropies.Add(entropy.MoveToOuterDisposeScope()); }
        }

        return (cat(logProbabilities), withEntropy ? cat(entropies) : null);
    }
}
