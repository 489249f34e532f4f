namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// IMTL-G (Liu et al., "Towards impartial multi-task learning", ICLR 2021): the combined gradient has the same projection on every
/// gradient's direction, ⟨d, g_i⟩/‖g_i‖ ∝ p_i, that is G α ∝ p ⊙ √diag G, with Σ α_i = 1. Gradients that depend linearly on
/// others are handled by the pseudo-inverse (arXiv 2406.16232, appendix B), here of the matrix of cosines.
/// </summary>
internal static class EqualProjections
{
    private const double RankTolerance = 1e-10;

    /// <summary>α, shape [M]; 0 for a gradient of 0, all 0 if no direction has equal projections (opposed gradients).</summary>
    /// <param name="preference">p, shape [M]; equal entries give the paper's method.</param>
    /// <remarks>
    /// Two corrections of Σ α_i = 1, which only sets the length of d: where the sum is negative, |Σ α_i| = 1, so that d improves
    /// all objectives instead of worsening all; and d is never longer than the longest gradient, where the sum nearly vanishes.
    /// </remarks>
    public static double[] Solve(double[,] gram, IReadOnlyList<double> preference)
    {
        var input = GramInput.Of(gram, preference);
        var result = new double[input.Count];
        int[] rows = [.. Enumerable.Range(0, input.Count).Where(i => !input.IsZeroRow(i))];
        var unit = SmallMatrix.UnitDiagonal(SmallMatrix.Part(input.Values, rows), out double[] lengths);
        var eigen = SymmetricEigen.Of(unit);
        double cutoff = RankTolerance * rows.Length * eigen.Values.DefaultIfEmpty(0).Max(), sum = 0, largest = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            for (int k = 0; k < rows.Length; k++)
            {
                if (eigen.Values[k] <= cutoff) { continue; }
                double component = 0;
                for (int j = 0; j < rows.Length; j++) { component += eigen.Vectors[j, k] * preference[rows[j]]; }
                result[rows[i]] += eigen.Vectors[i, k] * component / eigen.Values[k];
            }

            result[rows[i]] /= lengths[i];
            sum += result[rows[i]];
            largest += Math.Abs(result[rows[i]]);
        }

        double length = Math.Sqrt(SmallMatrix.Quadratic(input.Values, result));
        double divisor = Math.Max(Math.Abs(sum), length);
        return divisor > 1e-12 * largest ? [.. result.Select(value => value / divisor)] : new double[input.Count];
    }
}
