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
        // All but the first are 0: sums of sums stay what they are, however often they are made.
        _vectors = [.. Enumerable.Range(0, Shards).Select(shard => shard == 0 ? randn(Length, generator: generator) : zeros(Length))];
        _rows = [randn([3, Length], generator: generator), randn(Length, generator: generator), randn(Length, generator: generator)];
        _optimizer = new AdamWSlice(_rows[1], zeros(Length), zeros(Length), new OptimizerSpec());
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
        return sum.IsComplete;
    }

    [Benchmark(Description = "FlatBlocks.GramByBlock, M = 3, 1M numbers each")]
    public double[] Gram() => FlatBlocks.GramByBlock(_rows[0]);

    [Benchmark(Description = "AdamWSlice.Apply, 1M numbers")]
    public long AdamW()
    {
        _optimizer!.Apply(_rows[2], 1e-6);
        return _optimizer.Step;
    }
}
