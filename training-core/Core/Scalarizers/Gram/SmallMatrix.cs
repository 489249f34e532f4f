namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>Arithmetic on small symmetric matrices, float64, always in the same order of operations.</summary>
internal static class SmallMatrix
{
    /// <summary>A x.</summary>
    public static double[] Apply(double[,] matrix, ReadOnlySpan<double> vector)
    {
        var result = new double[matrix.GetLength(0)];
        for (int i = 0; i < result.Length; i++)
        {
            for (int j = 0; j < vector.Length; j++) { result[i] += matrix[i, j] * vector[j]; }
        }

        return result;
    }

    /// <summary>⟨x, y⟩.</summary>
    public static double Dot(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++) { sum += left[i] * right[i]; }
        return sum;
    }

    /// <summary>xᵀ A x, not below 0: for matrices of inner products, what is below 0 is rounding.</summary>
    public static double Quadratic(double[,] matrix, ReadOnlySpan<double> vector) => Math.Max(0, Dot(Apply(matrix, vector), vector));

    /// <summary>Σ_j |A_ij| |x_j|: the size of the terms of (A x)_i, so that times machine epsilon it bounds their rounding.</summary>
    public static double Magnitude(double[,] matrix, int row, ReadOnlySpan<double> vector)
    {
        double sum = 0;
        for (int j = 0; j < vector.Length; j++) { sum += Math.Abs(matrix[row, j]) * Math.Abs(vector[j]); }
        return sum;
    }

    /// <summary>The part of a matrix with the given rows and columns.</summary>
    public static double[,] Part(double[,] matrix, ReadOnlySpan<int> rows)
    {
        var part = new double[rows.Length, rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            for (int j = 0; j < rows.Length; j++) { part[i, j] = matrix[rows[i], rows[j]]; }
        }

        return part;
    }

    /// <summary>A_ij / √(A_ii A_jj): cosines. The diagonal must be positive.</summary>
    /// <param name="lengths">√A_ii, shape [M].</param>
    public static double[,] UnitDiagonal(double[,] matrix, out double[] lengths)
    {
        int count = matrix.GetLength(0);
        lengths = new double[count];
        for (int i = 0; i < count; i++) { lengths[i] = Math.Sqrt(matrix[i, i]); }
        var unit = new double[count, count];
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++) { unit[i, j] = i == j ? 1 : matrix[i, j] / lengths[i] / lengths[j]; }
        }

        return unit;
    }

    /// <summary>Solves A x = b by Cholesky's factors; false if A is not positive definite up to the given pivot.</summary>
    public static bool TrySolve(double[,] matrix, ReadOnlySpan<double> right, double smallestPivot, out double[] solution)
    {
        int count = right.Length;
        var factor = new double[count, count];
        solution = new double[count];
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = matrix[i, j];
                for (int k = 0; k < j; k++) { sum -= factor[i, k] * factor[j, k]; }
                if (i != j) { factor[i, j] = sum / factor[j, j]; continue; }
                if (!(sum > smallestPivot)) { return false; }
                factor[i, i] = Math.Sqrt(sum);
            }
        }

        for (int i = 0; i < count; i++)
        {
            double sum = right[i];
            for (int k = 0; k < i; k++) { sum -= factor[i, k] * solution[k]; }
            solution[i] = sum / factor[i, i];
        }

        for (int i = count - 1; i >= 0; i--)
        {
            double sum = solution[i];
            for (int k = i + 1; k < count; k++) { sum -= factor[k, i] * solution[k]; }
            solution[i] = sum / factor[i, i];
        }

        return true;
    }
}
