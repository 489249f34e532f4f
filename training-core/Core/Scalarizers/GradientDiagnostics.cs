namespace Ctwa.Training.Scalarizers;

/// <summary>Geometry of the objectives' gradients g_i, from Gram matrices in float64.</summary>
public static class GradientDiagnostics
{
    /// <summary>Gradients with a smaller norm count as zero: their cosines are 0.</summary>
    private const double SmallestNorm = 1e-12;

    /// <summary>Inner products ⟨a_i, b_j⟩ of rows, shape [M, M]; with b = Hessian-vector products H·g_j this is the pairwise curvature.</summary>
    /// <param name="left">Shape [M, P].</param>
    /// <param name="right">Shape [M, P].</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static double[,] Products(double[,] left, double[,] right)
    {
        int count = left.GetLength(0), width = left.GetLength(1);
        if (right.GetLength(0) != count || right.GetLength(1) != width) { throw new ArgumentException($"rows of shape [{count}, {width}] and [{right.GetLength(0)}, {right.GetLength(1)}] have no pairwise products; the shapes must be equal.", nameof(right)); }
        var products = new double[count, count];
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++)
            {
                for (int p = 0; p < width; p++) { products[i, j] += left[i, p] * right[j, p]; }
            }
        }

        return products;
    }

    /// <summary>Norms ‖g_i‖, shape [M], from G_ij = ⟨g_i, g_j⟩.</summary>
    public static double[] Magnitudes(double[,] gram) => [.. Enumerable.Range(0, gram.GetLength(0)).Select(i => Math.Sqrt(gram[i, i]))];

    /// <summary>cos(g_i, g_j), shape [M, M], from G_ij = ⟨g_i, g_j⟩.</summary>
    public static double[,] Cosines(double[,] gram)
    {
        double[] norms = Magnitudes(gram);
        var cosines = new double[norms.Length, norms.Length];
        for (int i = 0; i < norms.Length; i++)
        {
            for (int j = 0; j < norms.Length; j++) { cosines[i, j] = norms[i] < SmallestNorm || norms[j] < SmallestNorm ? 0 : gram[i, j] / norms[i] / norms[j]; }
        }

        return cosines;
    }
}
