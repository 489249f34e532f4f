namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// Among all coefficients that give the same combined gradient, those of the smallest norm: repeated or dependent gradients then
/// share equally, and the answer does not depend on the order of the objectives.
/// </summary>
internal static class LeastNormSolution
{
    // Relative to the smallest gradient: dependent up to rounding, and nothing weaker.
    private const double NullSpace = 1e-12;

    // Smaller coefficients, relative to the largest, are the rounding of 0.
    private const double Clean = 1e-14;

    /// <summary>min ‖α‖² over α ≥ 0 with Σ α_j g_j as given and, if asked, Σ α_j as given.</summary>
    /// <param name="gram">Shape [M, M].</param>
    /// <param name="solution">One solution, at least 0, shape [M].</param>
    /// <param name="eligible">Entries that some solution may use, shape [M]; the others keep their value.</param>
    /// <param name="keepSum">Whether Σ α_j is kept.</param>
    /// <returns>The given solution itself where it is the only one, or where rounding hides the others.</returns>
    public static double[] Of(double[,] gram, double[] solution, bool[] eligible, bool keepSum)
    {
        int[] rows = [.. Enumerable.Range(0, solution.Length).Where(j => eligible[j])];
        if (rows.Length < 2) { return solution; }
        double unit = rows.Select(row => gram[row, row]).Where(value => value > 0).DefaultIfEmpty(1).Min();
        double[,] part = SmallMatrix.Part(gram, rows);
        for (int i = 0; i < rows.Length; i++)
        {
            for (int j = 0; j < rows.Length; j++) { part[i, j] = (part[i, j] / unit) + (keepSum ? 1 : 0); }
        }

        var eigen = SymmetricEigen.Of(part);
        int[] empty = [.. Enumerable.Range(0, rows.Length).Where(k => eigen.Values[k] <= NullSpace * rows.Length)];
        if (empty.Length == 0) { return solution; }

        // α = base + N z, N a basis of the null space, base orthogonal to it: ‖α‖² = ‖base‖² + ‖z‖².
        int count = rows.Length;
        double[,] projector = new double[count, count];
        double size = rows.Max(row => solution[row]);
        if (size == 0) { return solution; }
        double[] start = [.. rows.Select(row => solution[row])], outside = [.. start];
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++)
            {
                foreach (int k in empty) { projector[i, j] += eigen.Vectors[i, k] * eigen.Vectors[j, k]; }
                outside[i] -= projector[i, j] * start[j];
            }
        }

        // Least distance: min ‖z‖² with N z ≥ −base, by its dual (Lawson and Hanson, chapter 23, problem LDP).
        double[,] dual = new double[count, count];
        double[] bound = [.. outside.Select(value => -value / size)];
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++) { dual[i, j] = projector[i, j] + (bound[i] * bound[j]); }
        }

        if (!NonNegativeQuadratic.TrySolve(dual, bound, out double[] u, out _)) { return solution; }
        double divisor = 1 - SmallMatrix.Dot(bound, u);
        if (!(divisor > 0)) { return solution; }
        double[] shift = SmallMatrix.Apply(projector, u), result = [.. solution];
        for (int i = 0; i < count; i++)
        {
            double value = outside[i] + (size * shift[i] / divisor);
            result[rows[i]] = value > Clean * size ? value : 0;
        }

        double factor = keepSum ? solution.Sum() / result.Sum() : 1;
        return [.. result.Select(value => value * factor)];
    }
}
