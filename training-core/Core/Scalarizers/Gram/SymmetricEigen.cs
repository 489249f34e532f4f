using Ctwa.Training.Steps;

namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>Eigenvalues and eigenvectors of a small symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, section 8.5).</summary>
/// <param name="Values">In no order, shape [M].</param>
/// <param name="Vectors">Column k belongs to value k; orthonormal, shape [M, M].</param>
internal readonly record struct SymmetricEigen(double[] Values, double[,] Vectors)
{
    // It converges quadratically, in fewer than ten sweeps; the bound only ends what never can.
    private const int MostSweeps = 100;

    /// <exception cref="NumericFailureException">The rotations do not converge (the matrix is not finite).</exception>
    public static SymmetricEigen Of(double[,] matrix)
    {
        int count = matrix.GetLength(0);
        var a = (double[,])matrix.Clone();
        var vectors = new double[count, count];
        for (int i = 0; i < count; i++) { vectors[i, i] = 1; }
        for (int sweep = 0; sweep < MostSweeps; sweep++)
        {
            bool rotated = false;
            for (int p = 0; p < count; p++)
            {
                for (int q = p + 1; q < count; q++) { rotated |= Rotate(a, vectors, p, q); }
            }

            if (!rotated) { return new([.. Enumerable.Range(0, count).Select(i => a[i, i])], vectors); }
        }

        throw new NumericFailureException($"the eigenvalues of a {count} x {count} Gram matrix did not converge in {MostSweeps} sweeps.");
    }

    /// <summary>Makes entry (p, q) zero; false if it is negligible already.</summary>
    private static bool Rotate(double[,] a, double[,] vectors, int p, int q)
    {
        double off = a[p, q];
        if (Math.Abs(off) <= 1e-17 * Math.Sqrt(Math.Abs(a[p, p]) * Math.Abs(a[q, q])) || Math.Abs(off) < 1e-300) { return false; }
        double theta = (a[q, q] - a[p, p]) / (2 * off);
        double tangent = (theta >= 0 ? 1 : -1) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
        double cosine = 1 / Math.Sqrt((tangent * tangent) + 1), sine = tangent * cosine;
        int count = a.GetLength(0);
        for (int k = 0; k < count; k++)
        {
            (a[k, p], a[k, q]) = ((cosine * a[k, p]) - (sine * a[k, q]), (sine * a[k, p]) + (cosine * a[k, q]));
            (vectors[k, p], vectors[k, q]) = ((cosine * vectors[k, p]) - (sine * vectors[k, q]), (sine * vectors[k, p]) + (cosine * vectors[k, q]));
        }

        for (int k = 0; k < count; k++) { (a[p, k], a[q, k]) = ((cosine * a[p, k]) - (sine * a[q, k]), (sine * a[p, k]) + (cosine * a[q, k])); }
        a[p, q] = a[q, p] = 0;
        return true;
    }
}
