using BenchmarkDotNet.Attributes;
using Ctwa.Training.Randomness;

namespace Ctwa.Bench.Kernels;

/// <summary>Randomness by counter: one number per sampled token.</summary>
public class RandomKernels
{
    private int _position;

    [Benchmark(Description = "CounterRandom.Uniform")]
    public double Uniform() => CounterRandom.Uniform(1, RandomPurpose.Sampling, 7, 3, 5, _position++);
}
