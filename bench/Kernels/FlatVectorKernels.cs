using BenchmarkDotNet.Attributes;
using Ctwa.Training.Gradients;
using Ctwa.Training.Native;
using Ctwa.Training.Optimizers;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Bench.Kernels;

/// <summary>What is done with flat vectors of gradients and weights, each of 2^20 float32, on one thread.</summary>
public class FlatVectorKernels
{
    private const long Length = 1 << 20;
    private const int Shards = 4;

    private Tensor[] _vectors = [];
    private Tensor[] _rows = [];
    private AdamWSlice? _optimizer;

    [GlobalSetup]
    public void Prepare()
    {
        TorchNative.EnsureLoaded();
        set_num_threads(1);
        using var generator = new Generator(1);
        _vectors = [.. Enumerable.Range(0, Shards).Select(_ => randn(Length, generator: generator))];
        _rows = [randn([3, Length], generator: generator)];
        _optimizer = new AdamWSlice(_vectors[0], zeros(Length), zeros(Length), new OptimizerSpec());
    }

    [GlobalCleanup]
    public void Free()
    {
        foreach (var tensor in (Tensor[])[.. _vectors, .. _rows, _optimizer!.FirstMoment, _optimizer.SecondMoment]) { tensor.Dispose(); }
    }

    [Benchmark(Description = "CanonicalTreeSum of 4 shards, 1M numbers each")]
    public bool TreeSum()
    {
        var sum = new CanonicalTreeSum(Shards, (left, right) => SliceGradients.Add(_vectors[left], _vectors[right]), _ => { });
        for (int shard = 0; shard < Shards; shard++) { sum.Offer(shard); }
        // Back to small numbers: sums of sums would overflow.
        using var scope = NewDisposeScope();
        foreach (int shard in (int[])[0, 2]) { _vectors[shard].mul_(Scalars.Of(0.5)); }
        return sum.IsComplete;
    }

    [Benchmark(Description = "FlatBlocks.GramByBlock, M = 3, 1M numbers each")]
    public double[] Gram() => FlatBlocks.GramByBlock(_rows[0]);

    [Benchmark(Description = "AdamWSlice.Apply, 1M numbers")]
    public long AdamW()
    {
        _optimizer!.Apply(_vectors[1], 1e-6);
        return _optimizer.Step;
    }
}
