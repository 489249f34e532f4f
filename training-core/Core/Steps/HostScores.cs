using Ctwa.Training.Kernels;
using Ctwa.Training.Models.Host;
using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>Log-probabilities and entropies of response tokens by <see cref="HostDecoder"/>, without a graph.</summary>
internal static unsafe class HostScores
{
    /// <summary>Hidden states that predict the response tokens, shape [tokens, C].</summary>
    public static Tensor Hidden(HostDecoder host, PackedBatch batch)
    {
        host.Arena.Reset();
        var tape = host.Forward(batch.Host!.Sequences, keep: false);
        var hidden = empty([batch.TokenCount, host.HiddenSize], float32);
        host.FinalHidden(tape, batch.Host.Predicting, (float*)TensorAddress.Of(hidden));
        return hidden;
    }

    /// <summary>Log-probabilities, shape [tokens].</summary>
    public static Tensor LogProbabilities(HostDecoder host, Tensor hidden, PackedBatch batch, ForwardOptions options)
    {
        host.Arena.Reset();
        var values = empty([batch.TokenCount], float32);
        float* first = (float*)TensorAddress.Of(hidden), to = (float*)TensorAddress.Of(values);
        float inverse = (float)(1 / options.Temperature);
        Chunks(host, first, batch.TokenCount, options.LogitRows, (row, logits) =>
        {
            float* own = (float*)logits;
            to[row] = NextToken.LogProbability(own, batch.Host!.Targets[row], inverse, NextToken.Measure(own, host.VocabularySize, inverse, withEntropy: false));
        });
        return values;
    }

    /// <summary>Logits of rows, in chunks; every row is handed over by its index and address.</summary>
    /// <returns>The logits of all rows if they were one chunk; else null.</returns>
    public static float* Chunks(HostDecoder host, float* hidden, int rows, int chunk, Action<int, nint> use)
    {
        int taken = Math.Min(chunk, rows), vocabulary = host.VocabularySize;
        float* logits = host.Arena.Take((long)taken * vocabulary);
        for (int first = 0; first < rows; first += taken)
        {
            int count = Math.Min(taken, rows - first), start = first;
            host.Logits(hidden + ((long)first * host.HiddenSize), count, logits);
            HostThreads.Each(count, (long)count * vocabulary, row => use(start + row, (nint)(logits + ((long)row * vocabulary))));
        }

        return taken == rows ? logits : null;
    }
}
