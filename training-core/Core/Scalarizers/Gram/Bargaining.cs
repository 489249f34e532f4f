using Ctwa.Training.Steps;

namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// Fair agreement between the objectives: α &gt; 0 with G α = p ⊙ α^(−1/a). a = 1 is the Nash bargaining solution (Nash-MTL, arXiv
/// 2202.01017: G α = 1/α), larger a moves towards the worst-off objective (FairGrad, arXiv 2402.15638). α minimises the strictly
/// convex ½ αᵀGα − Σ p_i φ(α_i) with φ' (x) = x^(−1/a), which damped Newton steps reach from anywhere.
/// </summary>
internal static class Bargaining
{
    /// <summary>
    /// ‖shortest combination‖² of the unit gradients below which they are opposed: at a Pareto-stationary point there is nothing to
    /// agree on (α has no finite solution), and within a cosine of 1e-8 of it α is beyond what float32 gradients can carry.
    /// </summary>
    internal const double Stationary = 1e-8;

    private const int MostSteps = 1000;
    private const double Tolerance = 1e-9, Epsilon = 2.220446049250313e-16;

    /// <summary>α, shape [M]; 0 for a gradient of 0 (it has nothing to bargain for), all 0 at a Pareto-stationary point.</summary>
    /// <param name="preference">p, positive, shape [M]. With a = 1, ‖Σ α_i g_i‖² = Σ p_i.</param>
    /// <param name="fairness">a, at least 1.</param>
    /// <exception cref="ArgumentException">A preference is 0: its coefficient would be 0, where 1/α is infinite.</exception>
    /// <exception cref="NumericFailureException">Newton's method does not converge.</exception>
    public static double[] Solve(double[,] gram, IReadOnlyList<double> preference, double fairness = 1)
    {
        var input = GramInput.Of(gram, preference);
        if (preference.Any(share => share <= 0)) { throw new ArgumentException($"the preference is {ObjectiveWeights.Show(preference)}; bargaining needs a positive share for every objective.", nameof(preference)); }
        if (!(fairness >= 1)) { throw new ArgumentException(FormattableString.Invariant($"the fairness is {fairness}; it is at least 1 (Nash)."), nameof(fairness)); }
        var result = new double[input.Count];
        int[] rows = [.. Enumerable.Range(0, input.Count).Where(i => !input.IsZeroRow(i))];
        if (rows.Length == 0) { return result; }

        // In unit gradients, β_i = α_i ‖g_i‖: the Nash solution does not see their lengths, and the matrix is well scaled.
        var cosines = SmallMatrix.UnitDiagonal(SmallMatrix.Part(input.Values, rows), out double[] lengths);
        double[] shortest = MinNorm.Solve(GramInput.Of(cosines), leastNorm: false);
        if (SmallMatrix.Quadratic(cosines, shortest) <= Stationary) { return result; }
        double power = 1 / fairness;
        double[] shares = [.. rows.Select((row, i) => preference[row] * Math.Pow(lengths[i], power - 1))];
        double[] beta = Newton(cosines, shares, power);
        double scale = Math.Pow(input.Scale, -1 / (1 + power));
        for (int i = 0; i < rows.Length; i++) { result[rows[i]] = beta[i] / lengths[i] * scale; }
        return result;
    }

    private static double[] Newton(double[,] matrix, double[] shares, double power)
    {
        double[] point = [.. shares.Select(share => Math.Pow(share, 1 / (1 + power)))];
        for (int step = 0; step < MostSteps; step++)
        {
            double[] products = SmallMatrix.Apply(matrix, point), slope = new double[point.Length];
            var curvature = (double[,])matrix.Clone();
            for (int i = 0; i < point.Length; i++)
            {
                double pull = shares[i] * Math.Pow(point[i], -power);
                slope[i] = pull - products[i];
                curvature[i, i] += power * pull / point[i];
            }

            if (!SmallMatrix.TrySolve(curvature, slope, 0, out double[] move)) { break; }
            double decrement = SmallMatrix.Dot(slope, move);
            double share = 1, largest = 0;
            for (int i = 0; i < point.Length; i++)
            {
                if (move[i] < 0) { share = Math.Min(share, -0.9 * point[i] / move[i]); }
                largest = Math.Max(largest, Math.Abs(move[i]) / point[i]);
            }

            if (largest < 1e-14) { break; }
            if (largest > 0.1)
            {
                // Far away: only as far as the objective falls (Armijo). Nearby full steps converge quadratically (the objective
                // is self-concordant), and differences of its values would drown in rounding.
                double value = Value(matrix, shares, power, point);
                while (share > 1e-12 && Value(matrix, shares, power, Moved(point, move, share)) > value - (1e-4 * share * decrement)) { share /= 2; }
            }

            double[] next = Moved(point, move, share);
            if (largest <= 1e-8 && Residual(matrix, shares, power, next) >= Residual(matrix, shares, power, point)) { break; }
            point = next;
        }

        double residual = Residual(matrix, shares, power, point);
        return residual <= 1 ? point : throw new NumericFailureException(FormattableString.Invariant($"the bargaining solution of {point.Length} gradients was not found: the residual of G α = p/α is {residual * Tolerance:E2} of its terms, allowed is {Tolerance:E0}."));
    }

    /// <summary>Largest |(Gβ)_i − p_i β_i^(−1/a)| as a share of what is allowed: 1e-9 of the right side, or the rounding of the left.</summary>
    private static double Residual(double[,] matrix, double[] shares, double power, double[] point)
    {
        double[] products = SmallMatrix.Apply(matrix, point);
        double worst = 0;
        for (int i = 0; i < point.Length; i++)
        {
            double pull = shares[i] * Math.Pow(point[i], -power);
            double allowed = (Tolerance * pull) + (16 * Epsilon * SmallMatrix.Magnitude(matrix, i, point));
            worst = Math.Max(worst, Math.Abs(products[i] - pull) / allowed);
        }

        return worst;
    }

    private static double Value(double[,] matrix, double[] shares, double power, double[] point)
    {
        double value = SmallMatrix.Quadratic(matrix, point) / 2;
        for (int i = 0; i < point.Length; i++) { value -= shares[i] * (power == 1 ? Math.Log(point[i]) : Math.Pow(point[i], 1 - power) / (1 - power)); }
        return value;
    }

    private static double[] Moved(double[] point, double[] move, double share) => [.. point.Select((value, i) => value + (share * move[i]))];
}
