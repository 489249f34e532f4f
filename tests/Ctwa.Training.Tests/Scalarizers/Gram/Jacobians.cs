using Ctwa.Training.Randomness;
using Xunit;

namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>Matrices of gradients, one row per objective, and what tests ask of them.</summary>
internal static class Jacobians
{
    /// <summary>The matrix on which TorchJD pins its aggregators.</summary>
    public static double[,] Pinned => new double[,] { { -4, 1, 1 }, { 6, 1, 1 } };

    /// <summary>Three conflicting rows, lower triangular.</summary>
    public static double[,] ThreeRows => new double[,] { { 1, 0, 0 }, { -.5, 1, 0 }, { -.3, -.4, 1 } };

    public static double[,] Gram(double[,] jacobian) => GradientDiagnostics.Products(jacobian, jacobian);

    /// <summary>d = Jᵀα.</summary>
    public static double[] Combine(double[,] jacobian, double[] coefficients)
    {
        var direction = new double[jacobian.GetLength(1)];
        for (int i = 0; i < coefficients.Length; i++)
        {
            for (int p = 0; p < direction.Length; p++) { direction[p] += coefficients[i] * jacobian[i, p]; }
        }

        return direction;
    }

    /// <summary>J d.</summary>
    public static double[] Improvements(double[,] jacobian, double[] coefficients) => SmallMatrix.Apply(jacobian, Combine(jacobian, coefficients));

    public static double Length(double[] vector) => Math.Sqrt(SmallMatrix.Dot(vector, vector));

    public static double[] Uniform(int count) => [.. Enumerable.Repeat(1.0 / count, count)];

    public static double[] Ones(int count) => [.. Enumerable.Repeat(1.0, count)];

    /// <summary>Positive proportions, sum 1.</summary>
    public static double[] Preference(int count, long seed) =>
        ObjectiveWeights.Normalize([.. Enumerable.Range(0, count).Select(i => 0.1 + CounterRandom.Uniform(seed, RandomPurpose.Test, 7, i, 0, 0))]);

    /// <summary>A normal matrix of at most the given rank.</summary>
    public static double[,] Normal(int rows, int columns, int rank, long seed)
    {
        double[,] left = Noise(rows, rank, seed, 1), right = Noise(rank, columns, seed, 2), product = new double[rows, columns];
        for (int i = 0; i < rows; i++)
        {
            for (int p = 0; p < columns; p++)
            {
                for (int k = 0; k < rank; k++) { product[i, p] += left[i, k] * right[k, p]; }
            }
        }

        return product;
    }

    /// <summary>Rows with positive coefficients v such that Jᵀv = 0: strongly stationary.</summary>
    public static double[,] StronglyStationary(int rows, int columns, long seed)
    {
        var matrix = Noise(rows, columns, seed, 3);
        double[] v = Preference(rows, seed);
        for (int p = 0; p < columns; p++)
        {
            double sum = 0;
            for (int i = 0; i < rows - 1; i++) { sum += v[i] * matrix[i, p]; }
            matrix[rows - 1, p] = -sum / v[rows - 1];
        }

        return matrix;
    }

    /// <summary>Some rows cancel, the last one is free of them: weakly, but not strongly stationary.</summary>
    public static double[,] StrictlyWeak(int rows, int columns, long seed)
    {
        var cancelling = StronglyStationary(rows - 1, columns - 1, seed);
        var matrix = new double[rows, columns];
        for (int i = 0; i < rows - 1; i++)
        {
            for (int p = 0; p < columns - 1; p++) { matrix[i, p] = cancelling[i, p]; }
        }

        for (int p = 0; p < columns - 1; p++) { matrix[rows - 1, p] = CounterRandom.Normal(seed, RandomPurpose.Test, 4, p, 0, 0); }
        matrix[rows - 1, columns - 1] = 1;
        return matrix;
    }

    /// <summary>All rows have a positive component in one direction: not even weakly stationary.</summary>
    public static double[,] NotStationary(int rows, int columns, long seed)
    {
        var matrix = Noise(rows, columns, seed, 5);
        for (int i = 0; i < rows; i++) { matrix[i, 0] = 0.5 + Math.Abs(matrix[i, 0]); }
        return matrix;
    }

    public static double[,] Scaled(double[,] matrix, double factor)
    {
        var scaled = (double[,])matrix.Clone();
        for (int i = 0; i < matrix.GetLength(0); i++)
        {
            for (int p = 0; p < matrix.GetLength(1); p++) { scaled[i, p] *= factor; }
        }

        return scaled;
    }

    /// <summary>New row i is old row order[i].</summary>
    public static double[,] Permuted(double[,] matrix, int[] order)
    {
        var permuted = (double[,])matrix.Clone();
        for (int i = 0; i < order.Length; i++)
        {
            for (int p = 0; p < matrix.GetLength(1); p++) { permuted[i, p] = matrix[order[i], p]; }
        }

        return permuted;
    }

    public static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) { Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"({string.Join(", ", actual)}) is not ({string.Join(", ", expected)})."); }
    }

    private static double[,] Noise(int rows, int columns, long seed, int stream)
    {
        var matrix = new double[rows, columns];
        for (int i = 0; i < rows; i++)
        {
            for (int p = 0; p < columns; p++) { matrix[i, p] = CounterRandom.Normal(seed, RandomPurpose.Test, stream, p, i, 0); }
        }

        return matrix;
    }
}
