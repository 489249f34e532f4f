using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Rollouts;

/// <summary>
/// Temperature, then top-k, then top-p (nucleus, arXiv 1904.09751), in the order and by the rules of Hugging Face's
/// generation. For evaluation: training samples from the full support.
/// </summary>
internal static class LogitWarper
{
    /// <summary>Logits over the temperature, −∞ at removed tokens; at least one token per row stays.</summary>
    /// <param name="logits">Finite, shape [B, V], float32.</param>
    /// <param name="temperature">Greater than 0.</param>
    /// <param name="topK">Tokens below the k-th largest logit go, so ties with it stay; 0, or V and more: off.</param>
    /// <param name="topP">The smallest tokens go while their ascending cumulative probability is at most 1 − p; 1: off.</param>
    /// <returns>Shape [B, V], float32.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A setting lies outside its range.</exception>
    public static Tensor Apply(Tensor logits, double temperature, int topK, double topP)
    {
        if (!(temperature > 0)) { throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "the temperature must be greater than 0; take the likeliest token instead of 0."); }
        if (topK < 0) { throw new ArgumentOutOfRangeException(nameof(topK), topK, "top_k must be at least 1, or 0 for all tokens."); }
        if (!(topP is >= 0 and <= 1)) { throw new ArgumentOutOfRangeException(nameof(topP), topP, "top_p must lie in 0 to 1; 1 keeps all tokens."); }

        using var scope = NewDisposeScope();
        long vocabulary = logits.size(-1);
        Tensor warped = logits.DividedBy(temperature);
        if (topK > 0 && topK < vocabulary)
        {
            Tensor smallestKept = warped.topk(topK, -1).values.narrow(-1, topK - 1, 1);
            warped = warped.masked_fill(warped.lt(smallestKept), Scalars.Of(double.NegativeInfinity));
        }

        if (topP < 1)
        {
            // Stable: of equal logits the later id stays, on every device. float64: see TokenSampler.
            var (ascending, order) = warped.sort(-1, descending: false, stable: true);
            Tensor removed = nn.functional.softmax(ascending.to(float64), -1).cumsum(-1).le(Scalars.Of(1 - topP));
            removed.narrow(-1, vocabulary - 1, 1).fill_(Scalars.Of(0));
            warped = warped.masked_fill(zeros_like(removed).scatter_(-1, order, removed), Scalars.Of(double.NegativeInfinity));
        }

        return warped.MoveToOuterDisposeScope();
    }
}
