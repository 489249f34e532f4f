using BenchmarkDotNet.Attributes;
using Ctwa.Training.Randomness;
using Ctwa.Training.Scalarizers.Gram;

namespace Ctwa.Bench.Kernels;

/// <summary>Coefficients from a Gram matrix of conflicting gradients, once per optimizer update.</summary>
public class SolveKernels
{
    private double[,] _gram = new double[0, 0];
    private double[] _preference = [];

    /// <summary>Objectives.</summary>
    [Params(3, 8)]
    public int M { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        // Random directions in few dimensions: some pairs conflict.
        int dimensions = M + 2;
        double[][] vectors = [.. Enumerable.Range(0, M).Select(i => Enumerable.Range(0, dimensions).Select(k => CounterRandom.Normal(1, RandomPurpose.Sampling, 0, i, 0, k)).ToArray())];
        _gram = new double[M, M];
        for (int i = 0; i < M; i++)
        {
            for (int j = 0; j < M; j++) { _gram[i, j] = vectors[i].Zip(vectors[j], (one, other) => one * other).Sum(); }
        }

        _preference = [.. Enumerable.Repeat(1.0 / M, M)];
    }

    [Benchmark(Description = "Gram solve of mgda")]
    public double[] Mgda() => MinNorm.Solve(_gram);

    [Benchmark(Description = "Gram solve of cagrad")]
    public double[] CAGrad() => ConflictAverse.Solve(_gram, _preference, 0.5);
}
