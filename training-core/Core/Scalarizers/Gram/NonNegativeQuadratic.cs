using Ctwa.Training.Steps;

namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// min ½ xᵀQx − cᵀx over x ≥ 0, exactly: the active-set method of Lawson and Hanson ("Solving Least Squares Problems", chapter
/// 23) on the normal equations (Bro and De Jong, 1997). Each round solves the free variables by Cholesky and lowers the
/// objective, so no set of free variables comes twice and it ends.
/// </summary>
internal static class NonNegativeQuadratic
{
    private const double Epsilon = 2.220446049250313e-16;

    // Columns whose part outside the span of the free ones is below rounding bring nothing.
    private const double SmallestPivot = 8 * Epsilon;

    // A Gram matrix in float64 knows the part of a gradient outside the span of others to the root of machine epsilon only
    // (1.5e-8): nearly dependent gradients cannot do better. Independent ones are met to the last digits.
    private const double Tolerance = 1e-7;

    /// <summary>The solution, shape [n]; verified against the optimality conditions.</summary>
    /// <param name="q">Symmetric, positive semidefinite, shape [n, n].</param>
    /// <param name="c">In the range of Q, shape [n]; otherwise there is no minimum.</param>
    /// <exception cref="NumericFailureException">The optimality conditions are not met within 1e-7 of the size of their terms.</exception>
    public static double[] Solve(double[,] q, double[] c) => TrySolve(q, c, out double[] solution, out string why)
        ? solution
        : throw new NumericFailureException($"a quadratic program over the gradients of {c.Length} objectives was not solved ({why}). They are degenerate beyond float64: use another method, or remove objectives that repeat each other.");

    /// <summary>The same, with the reason where it fails.</summary>
    public static bool TrySolve(double[,] q, double[] c, out double[] solution, out string why)
    {
        int[] rows = [.. Enumerable.Range(0, c.Length).Where(i => q[i, i] > 0)];
        var unit = SmallMatrix.UnitDiagonal(SmallMatrix.Part(q, rows), out double[] lengths);
        double[] right = [.. rows.Select((row, i) => c[row] / lengths[i])];
        why = SolveUnit(unit, right, out double[] x);
        solution = new double[c.Length];
        for (int i = 0; i < rows.Length; i++) { solution[rows[i]] = x[i] / lengths[i]; }
        return why.Length == 0;
    }

    /// <summary>Empty, or why there is no solution.</summary>
    private static string SolveUnit(double[,] q, double[] c, out double[] x)
    {
        int count = c.Length;
        x = new double[count];
        double[] slope = [.. c];
        // In the order in which they came: a later one that depends on earlier ones shows in its own pivot.
        var free = new List<int>();
        var useless = new bool[count];
        for (int round = 0; round < 100 * (count + 1); round++)
        {
            int entering = -1;
            for (int j = 0; j < count; j++)
            {
                if (!useless[j] && !free.Contains(j) && slope[j] > Rounding(q, c, x, j) && (entering < 0 || slope[j] > slope[entering])) { entering = j; }
            }

            if (entering < 0) { return Violation(q, c, x); }
            free.Add(entering);
            if (!TryFree(q, c, free, out double[] target) || target[entering] <= 0)
            {
                // Only rounding made it look as if it could help.
                free.RemoveAt(free.Count - 1);
                useless[entering] = true;
                continue;
            }

            while (free.Exists(j => target[j] <= 0))
            {
                Retreat(x, target, free);
                if (!TryFree(q, c, free, out target)) { return "a part of a positive definite matrix is not positive definite"; }
            }

            x = target;
            Array.Clear(useless);
            double[] product = SmallMatrix.Apply(q, x);
            for (int j = 0; j < count; j++) { slope[j] = c[j] - product[j]; }
        }

        return "it does not end";
    }

    /// <summary>Goes from x towards the target until the first variable is 0, and fixes there what is 0.</summary>
    private static void Retreat(double[] x, double[] target, List<int> free)
    {
        double share = 1;
        int blocking = -1;
        foreach (int j in free)
        {
            if (target[j] > 0) { continue; }
            double possible = x[j] / (x[j] - target[j]);
            if (blocking < 0 || possible < share) { (share, blocking) = (possible, j); }
        }

        foreach (int j in free) { x[j] = j == blocking ? 0 : Math.Max(0, x[j] + (share * (target[j] - x[j]))); }
        free.RemoveAll(j => x[j] == 0);
    }

    private static bool TryFree(double[,] q, double[] c, List<int> free, out double[] target)
    {
        int[] rows = [.. free];
        target = new double[c.Length];
        if (!SmallMatrix.TrySolve(SmallMatrix.Part(q, rows), [.. rows.Select(row => c[row])], SmallestPivot, out double[] values)) { return false; }
        for (int i = 0; i < rows.Length; i++) { target[rows[i]] = values[i]; }
        return true;
    }

    private static double Rounding(double[,] q, double[] c, double[] x, int row) => 4 * c.Length * Epsilon * (Math.Abs(c[row]) + SmallMatrix.Magnitude(q, row, x) + x.Max());

    private static string Violation(double[,] q, double[] c, double[] x)
    {
        double[] product = SmallMatrix.Apply(q, x);
        for (int j = 0; j < x.Length; j++)
        {
            double slope = c[j] - product[j], allowed = (Tolerance * (Math.Abs(c[j]) + SmallMatrix.Magnitude(q, j, x))) + Rounding(q, c, x, j);
            if (!(slope <= allowed) || (x[j] > 0 && slope < -allowed)) { return FormattableString.Invariant($"entry {j} violates the optimality conditions by {slope:E2}, allowed is {allowed:E2}"); }
        }

        return "";
    }
}
