using System.Runtime.InteropServices;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using static TorchSharp.torch;

namespace Ctwa.Training.Models.Presets;

/// <summary>
/// Seeded initial weights: matrices normal with the configuration's deviation, biases 0, norms 1. Every number is a function of
/// seed, parameter and element (invariant I3), so threads and pieces change no bit.
/// </summary>
public static class RandomWeights
{
    /// <summary>Elements per piece of work of a thread: a few milliseconds.</summary>
    private const int Block = 1 << 16;

    /// <summary>A model's parameters as a writer takes them; no more than a piece of one is in memory.</summary>
    /// <param name="config">The model; its order of parameters numbers them.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="type">Element type in the file.</param>
    public static IReadOnlyList<TensorSource> Sources(ModelConfig config, long seed, SafetensorsDType type) =>
        [.. config.Parameters().Select((parameter, index) => new TensorSource(parameter.Name, type, parameter.Shape, visit => Visit(parameter, index, config.InitializerRange, seed, visit)))];

    /// <summary>Elements of one matrix.</summary>
    /// <param name="values">Receives elements <paramref name="start"/> onwards.</param>
    /// <param name="start">Index of the first in the flat matrix.</param>
    /// <param name="index">Number of the parameter in the model.</param>
    /// <param name="deviation">Standard deviation.</param>
    /// <param name="seed">Of the weights.</param>
    internal static void Fill(Memory<float> values, long start, int index, double deviation, long seed) =>
        Parallel.For(0, (values.Length + Block - 1) / Block, block =>
        {
            int first = block * Block;
            var part = values.Span.Slice(first, Math.Min(Block, values.Length - first));
            for (int i = 0; i < part.Length; i++)
            {
                part[i] = (float)(deviation * CounterRandom.Normal(seed, RandomPurpose.WeightInitialization, 0, start + first + i, index, 0));
            }
        });

    /// <summary>What every element of a parameter starts as; null: a random number of its own.</summary>
    internal static double? Constant(string name) =>
        name.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : null;

    private static void Visit(ModelParameter parameter, int index, double deviation, long seed, Action<Tensor> visit)
    {
        long count = parameter.Count;
        float[] values = new float[Math.Min(SafetensorsTensors.ChunkElements, count)];
        for (long start = 0; start < count; start += values.Length)
        {
            using var scope = NewDisposeScope();
            int length = (int)Math.Min(values.Length, count - start);
            if (Constant(parameter.Name) is { } constant) { visit(full(length, Scalars.Of(constant), float32)); continue; }
            Fill(values.AsMemory(0, length), start, index, deviation, seed);
            var piece = empty(length, dtype: float32, device: CPU);
            MemoryMarshal.AsBytes(values.AsSpan(0, length)).CopyTo(piece.bytes);
            visit(piece);
        }
    }
}
