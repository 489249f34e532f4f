using Ctwa.Training.Steps;

namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// Projection onto the cone of directions that conflict with no gradient, {d : ⟨d, g_i⟩ ≥ 0 for all i}. The projection of Σ u_i g_i
/// is Σ v_i g_i with v = argmin over v ≥ u of vᵀGv (Quinton and Rey, arXiv 2406.16232, proposition 1).
/// </summary>
internal static class DualCone
{
    private const double Tolerance = 1e-9;

    /// <summary>v, shape [M]; of several, the one with the smallest correction v − u.</summary>
    /// <exception cref="NumericFailureException">The optimality conditions are not met.</exception>
    public static double[] Project(double[,] gram, IReadOnlyList<double> u) => Project(GramInput.Of(gram), u);

    /// <summary>UPGrad (arXiv 2406.16232, definition 2): every gradient is projected on its own, then the preference-weighted sum is taken.</summary>
    /// <param name="preference">p, shape [M]; 1/M each gives UPGrad(mean), 1 each UPGrad(sum).</param>
    /// <returns>α, shape [M]; the preference itself where nothing conflicts.</returns>
    /// <exception cref="NumericFailureException">The optimality conditions are not met.</exception>
    public static double[] UPGrad(double[,] gram, IReadOnlyList<double> preference)
    {
        var input = GramInput.Of(gram, preference);
        var result = new double[input.Count];
        for (int i = 0; i < input.Count; i++)
        {
            double[] unit = new double[input.Count];
            unit[i] = 1;
            double[] projected = Project(input, unit);
            for (int j = 0; j < input.Count; j++) { result[j] += preference[i] * projected[j]; }
        }

        return result;
    }

    private static double[] Project(GramInput input, IReadOnlyList<double> u)
    {
        // v = u + x: min ½ xᵀGx + (Gu)ᵀx over x ≥ 0.
        double[] slope = SmallMatrix.Apply(input.Values, [.. u]);
        double[] correction = NonNegativeQuadratic.Solve(input.Values, [.. slope.Select(value => -value)]);
        double[] total = [.. u.Select((value, j) => value + correction[j])], products = SmallMatrix.Apply(input.Values, total);

        // Corrections act only where the projection touches the cone's face, ⟨d, g_j⟩ = 0.
        var eligible = new bool[input.Count];
        for (int j = 0; j < eligible.Length; j++) { eligible[j] = !input.IsZeroRow(j) && products[j] <= Tolerance * SmallMatrix.Magnitude(input.Values, j, total); }
        double[] least = LeastNormSolution.Of(input.Values, correction, eligible, keepSum: false);
        double[] candidate = [.. u.Select((value, j) => value + least[j])], now = SmallMatrix.Apply(input.Values, candidate);
        bool same = now.Select((value, j) => Math.Abs(value - products[j]) <= Tolerance * SmallMatrix.Magnitude(input.Values, j, total)).All(holds => holds);
        return same ? candidate : total;
    }
}
