using BenchmarkDotNet.Attributes;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Bench.Kernels;

/// <summary>A token for each of 64 rows from the full support, on one thread.</summary>
public class SamplingKernels
{
    private const int Rows = 64;

    private readonly long[] _tokens = new long[Rows];
    private readonly float[] _scores = new float[Rows];
    private readonly double[] _uniforms = [.. Enumerable.Range(0, Rows).Select(row => CounterRandom.Uniform(1, RandomPurpose.Sampling, 0, row, 0, 0))];
    private Tensor[] _logits = [];

    /// <summary>Entries of the vocabulary: the quick-start's, and a large one.</summary>
    [Params(80, 32_000)]
    public int V { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        TorchNative.EnsureLoaded();
        set_num_threads(1);
        using var generator = new Generator(1);
        _logits = [randn([Rows, V], generator: generator)];
    }

    [GlobalCleanup]
    public void Free() => _logits[0].Dispose();

    [Benchmark(Description = "TokenSampler.Sample, 64 rows")]
    public long Sample()
    {
        TokenSampler.Sample(_logits[0], 1, _uniforms, _tokens, _scores);
        return _tokens[0];
    }
}
