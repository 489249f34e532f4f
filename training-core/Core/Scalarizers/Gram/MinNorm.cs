using Ctwa.Training.Steps;

namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// The shortest vector in the convex hull of the gradients, min over the simplex of ‖Σ α_i g_i‖² (MGDA; Désidéri, C. R. Acad. Sci.
/// 350, 2012): d = Σ α_i g_i improves every objective to first order, ⟨d, g_i⟩ ≥ ‖d‖², and is 0 exactly at Pareto-stationary
/// points. Where several α give it, the one of smallest norm is taken: two equal gradients get 1/2 each.
/// </summary>
internal static class MinNorm
{
    // See NonNegativeQuadratic.
    private const double Tolerance = 1e-7;

    /// <summary>α, at least 0, sum 1, shape [M]. Equal for all objectives if every gradient is 0.</summary>
    /// <exception cref="NumericFailureException">The optimality conditions are not met.</exception>
    public static double[] Solve(double[,] gram) => Solve(GramInput.Of(gram), leastNorm: true);

    /// <param name="leastNorm">Whether the solution of smallest norm is wanted, or any.</param>
    internal static double[] Solve(GramInput input, bool leastNorm)
    {
        int count = input.Count;
        double[] any = Any(input);
        if (!leastNorm || input.IsZero) { return any; }
        double[] slopes = SmallMatrix.Apply(input.Values, any);
        double square = SmallMatrix.Dot(slopes, any);
        var eligible = new bool[count];

        // Any other solution has the same d, so it uses only gradients with ⟨d, g_j⟩ = ‖d‖².
        for (int j = 0; j < count; j++) { eligible[j] = slopes[j] - square <= Allowed(input.Values, any, j); }
        double[] least = LeastNormSolution.Of(input.Values, any, eligible, keepSum: true);
        if (Violation(input.Values, least) is null) { return least; }
        return Violation(input.Values, any) is { } violation ? throw new NumericFailureException(violation) : any;
    }

    private static double[] Any(GramInput input)
    {
        int count = input.Count;
        int zeros = Enumerable.Range(0, count).Count(input.IsZeroRow);
        if (zeros > 0) { return [.. Enumerable.Range(0, count).Select(j => input.IsZeroRow(j) ? 1.0 / zeros : 0)]; }

        // min over u ≥ 0 of uᵀGu + s(1ᵀu − 1)² has the same direction: for a given sum, uᵀGu is least at the hull's nearest
        // point. s is the smallest square so that neither term drowns in the other.
        double unit = Enumerable.Range(0, count).Min(j => input.Values[j, j]);
        var shifted = new double[count, count];
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++) { shifted[i, j] = input.Values[i, j] + unit; }
        }

        double[] u = NonNegativeQuadratic.Solve(shifted, [.. Enumerable.Repeat(unit, count)]);
        double sum = u.Sum();
        return [.. u.Select(value => value / sum)];
    }

    private static string? Violation(double[,] gram, double[] weights)
    {
        double[] slopes = SmallMatrix.Apply(gram, weights);
        double square = SmallMatrix.Dot(slopes, weights);
        for (int j = 0; j < weights.Length; j++)
        {
            double gap = slopes[j] - square, allowed = Allowed(gram, weights, j);
            if (!(gap >= -allowed) || (weights[j] > 1e-9 && gap > allowed)) { return FormattableString.Invariant($"the minimum-norm combination of {weights.Length} gradients violates its optimality conditions at objective {j} by {gap:E2}, allowed is {allowed:E2}."); }
        }

        return null;
    }

    private static double Allowed(double[,] gram, double[] weights, int row)
    {
        double length = 0;
        for (int k = 0; k < weights.Length; k++) { length += weights[k] * Math.Sqrt(gram[k, k]); }
        return Tolerance * length * Math.Max(length, Math.Sqrt(gram[row, row]));
    }
}
