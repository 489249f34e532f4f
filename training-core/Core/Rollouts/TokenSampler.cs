using System.Runtime.InteropServices;
using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Rollouts;

/// <summary>Draws tokens by inverting the cumulative distribution at given uniform numbers.</summary>
internal static class TokenSampler
{
    /// <summary>One token per row, from the full support unless a truncation is given.</summary>
    /// <param name="logits">Shape [B, V], float32.</param>
    /// <param name="temperature">Divides the logits; 0 takes the likeliest token (log-probabilities are then those at 1).</param>
    /// <param name="uniforms">One number in [0, 1) per row.</param>
    /// <param name="tokens">Receives the ids.</param>
    /// <param name="logProbabilities">Receives their log-probabilities, computed as scoring computes them; with a truncation, those within what is left.</param>
    /// <param name="topK">See <see cref="LogitWarper"/>; without effect at temperature 0.</param>
    /// <param name="topP">See <see cref="LogitWarper"/>; without effect at temperature 0.</param>
    public static void Sample(
        Tensor logits, double temperature, ReadOnlySpan<double> uniforms, Span<long> tokens, Span<float> logProbabilities, int topK = 0, double topP = 1)
    {
        using var scope = NewDisposeScope();
        var (chosen, scores) = Sample(logits, temperature, tensor(uniforms.ToArray(), dtype: float64, device: logits.device), topK, topP);
        MemoryMarshal.Cast<byte, long>(chosen.cpu().bytes)[..tokens.Length].CopyTo(tokens);
        MemoryMarshal.Cast<byte, float>(scores.cpu().bytes)[..tokens.Length].CopyTo(logProbabilities);
    }

    /// <summary>The same without leaving the device.</summary>
    /// <param name="uniforms">float64 [B].</param>
    /// <returns>Ids, int64 [B], and their log-probabilities, float32 [B].</returns>
    public static (Tensor Tokens, Tensor LogProbabilities) Sample(Tensor logits, double temperature, Tensor uniforms, int topK = 0, double topP = 1)
    {
        using var scope = NewDisposeScope();
        bool truncated = temperature != 0 && (topK != 0 || topP != 1);
        var distribution = truncated ? LogDistribution(LogitWarper.Apply(logits, temperature, topK, topP), 1) : LogDistribution(logits, temperature);
        Tensor chosen;
        if (temperature == 0)
        {
            chosen = distribution.argmax(-1);
        }
        else
        {
            // float64: a float32 running sum over a large vocabulary would bias the tail.
            var cumulative = distribution.to(float64).exp_().cumsum(-1);
            var threshold = uniforms.unsqueeze(1) * cumulative.narrow(1, cumulative.size(1) - 1, 1);
            chosen = cumulative.le(threshold).sum(dim: -1).clamp_(max: Scalars.Of(cumulative.size(1) - 1));
        }

        return (chosen.MoveToOuterDisposeScope(), distribution.gather(1, chosen.unsqueeze(1)).squeeze(1).MoveToOuterDisposeScope());
    }

    /// <summary>Log-softmax at a temperature; the one definition that sampling and scoring share.</summary>
    public static Tensor LogDistribution(Tensor logits, double temperature) =>
        nn.functional.log_softmax(temperature is 0 or 1 ? logits : logits.DividedBy(temperature), -1);
}
