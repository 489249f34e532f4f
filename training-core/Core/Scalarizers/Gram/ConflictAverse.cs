using Ctwa.Training.Steps;

namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// CAGrad (Liu et al., arXiv 2110.14048): the direction within c‖g_0‖ of the mean gradient g_0 = Σ p_i g_i that improves the worst
/// objective most, d = g_0 + c‖g_0‖ g_w/‖g_w‖ with w = argmin over the simplex of ⟨g_w, g_0⟩ + c‖g_0‖‖g_w‖.
/// </summary>
/// <remarks>
/// Since x = min over τ of (x²/τ + τ)/2, the problem is a minimum-norm problem, min ‖Σ w_j (g_j + (τ/φ) g_0)‖ with φ = c‖g_0‖, in
/// which τ must equal ‖g_w‖. The difference ‖g_w(τ)‖ − τ changes its sign once: bisection finds it, and each τ is solved exactly.
/// </remarks>
internal static class ConflictAverse
{
    // ‖g_w‖ relative to the longest gradient: below it the gradients cancel, and g_w/‖g_w‖ is the direction of rounding.
    private const double Stationary = 1e-7;

    private const double Tolerance = 1e-6;

    /// <summary>α = p + c‖g_0‖ w/‖g_w‖, shape [M].</summary>
    /// <param name="preference">p, sum 1, shape [M]; 1/M each gives the paper's mean.</param>
    /// <param name="c">At least 0; 0 gives the mean, from 1 on d conflicts with no objective.</param>
    /// <returns>
    /// At a Pareto-stationary point (g_w = 0) no direction improves all: (1 − c)₊ p, the shortest direction within c‖g_0‖ of g_0.
    /// </returns>
    /// <exception cref="NumericFailureException">The optimality conditions are not met.</exception>
    public static double[] Solve(double[,] gram, IReadOnlyList<double> preference, double c)
    {
        if (!(c >= 0)) { throw new ArgumentException(FormattableString.Invariant($"c is {c}; it is at least 0."), nameof(c)); }
        var input = GramInput.Of(gram, preference);
        double[][] gradients = Coordinates(input.Values);
        double[] mean = new double[input.Count];
        for (int j = 0; j < mean.Length; j++)
        {
            for (int k = 0; k < mean.Length; k++) { mean[k] += preference[j] * gradients[j][k]; }
        }

        double radius = c * Math.Sqrt(SmallMatrix.Dot(mean, mean));
        if (radius <= 1e-12) { return [.. preference]; }
        double low = Stationary, high = 1;
        if (Excess(low) <= 0) { return [.. preference.Select(share => Math.Max(0, 1 - c) * share)]; }
        while (high - low > 1e-15 * high)
        {
            double middle = Math.Sqrt(low * high);
            if (middle <= low || middle >= high) { break; }
            if (Excess(middle) > 0) { low = middle; } else { high = middle; }
        }

        double[] weights = MinNorm.Solve(Shifted(high), leastNorm: true);
        double norm = Math.Sqrt(SmallMatrix.Quadratic(input.Values, weights));
        double[] result = [.. preference.Select((share, j) => share + (radius * weights[j] / norm))];
        Verify(input.Values, weights, result);
        return result;

        double Excess(double tau) => Math.Sqrt(SmallMatrix.Quadratic(input.Values, MinNorm.Solve(Shifted(tau), leastNorm: false))) - tau;

        // Gram matrix of the vectors g_j + κ g_0, from coordinates: from products it would not be one where they cancel.
        GramInput Shifted(double tau)
        {
            double[][] vectors = [.. gradients.Select(row => row.Select((value, k) => value + (tau / radius * mean[k])).ToArray())];
            var shifted = new double[input.Count, input.Count];
            for (int i = 0; i < input.Count; i++)
            {
                for (int j = 0; j < input.Count; j++) { shifted[i, j] = SmallMatrix.Dot(vectors[i], vectors[j]); }
            }

            return GramInput.Of(shifted);
        }
    }

    /// <summary>Vectors with this Gram matrix, [M][M]: rows of V √Σ.</summary>
    private static double[][] Coordinates(double[,] gram)
    {
        var eigen = SymmetricEigen.Of(gram);
        int[] all = [.. Enumerable.Range(0, gram.GetLength(0))];
        return [.. all.Select(i => all.Select(k => eigen.Vectors[i, k] * Math.Sqrt(Math.Max(0, eigen.Values[k]))).ToArray())];
    }

    /// <summary>At the optimum ⟨d, g_j⟩ is equal for all objectives with weight and nowhere smaller.</summary>
    private static void Verify(double[,] gram, double[] weights, double[] coefficients)
    {
        double[] products = SmallMatrix.Apply(gram, coefficients);
        double worst = SmallMatrix.Dot(products, weights);
        for (int j = 0; j < weights.Length; j++)
        {
            double gap = products[j] - worst, allowed = Tolerance * (1 + SmallMatrix.Magnitude(gram, j, coefficients));
            if (!(gap >= -allowed) || (weights[j] > 1e-6 && gap > allowed)) { throw new NumericFailureException(FormattableString.Invariant($"CAGrad's weights for {weights.Length} gradients violate their optimality conditions at objective {j} by {gap:E2}, allowed is {allowed:E2}.")); }
        }
    }
}
