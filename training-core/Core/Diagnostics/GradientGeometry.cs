using Ctwa.Training.Scalarizers;
using Ctwa.Training.Scalarizers.Gram;

namespace Ctwa.Training.Diagnostics;

/// <summary>How the objectives' gradients lie to each other, and how far the combined gradient serves each of them.</summary>
/// <param name="Gram">G_ij = ⟨g_i, g_j⟩ of the objectives' loss gradients, shape [M, M].</param>
/// <param name="Improvement">⟨d, g_j⟩ with the combined gradient d before clipping, KL and entropy included, shape [M]: positive where a small step along −d lowers objective j's loss; null where no combination was measured.</param>
public sealed record GradientGeometry(double[,] Gram, double[]? Improvement = null)
{
    /// <summary>Geometry of an update whose rows were combined.</summary>
    /// <param name="gram">Of the objectives' rows, [M, M].</param>
    /// <param name="coefficients">α, shape [M].</param>
    /// <param name="allRows">Gram matrix that may have one more row, the regularizer's, which enters d with factor 1.</param>
    public static GradientGeometry Combined(double[,] gram, double[] coefficients, double[,] allRows)
    {
        double[] improvement = new double[coefficients.Length];
        for (int j = 0; j < improvement.Length; j++)
        {
            for (int i = 0; i < allRows.GetLength(0); i++) { improvement[j] += (i < coefficients.Length ? coefficients[i] : 1) * allRows[i, j]; }
        }

        return new(gram, improvement);
    }

    /// <summary>‖g_j‖, shape [M].</summary>
    public double[] Norms => GradientDiagnostics.Magnitudes(Gram);

    /// <summary>cos(g_i, g_j), shape [M, M].</summary>
    public double[,] Cosines => GradientDiagnostics.Cosines(Gram);

    /// <summary>Share of the pairs of objectives whose gradients point against each other; NaN with one objective.</summary>
    public double ConflictRate
    {
        get
        {
            double[,] cosines = Cosines;
            int pairs = 0, conflicts = 0;
            for (int i = 0; i < cosines.GetLength(0); i++)
            {
                for (int j = i + 1; j < cosines.GetLength(0); j++, pairs++) { conflicts += cosines[i, j] < 0 ? 1 : 0; }
            }

            return pairs == 0 ? double.NaN : (double)conflicts / pairs;
        }
    }

    /// <summary>Largest norm over smallest; infinite if a gradient is 0.</summary>
    public double NormRatio => Norms.Max() / Norms.Min();

    /// <summary>
    /// Pareto-stationarity gap: min over the simplex of ‖Σ α_i g_i‖² over max_i ‖g_i‖²; 0 exactly where no direction improves every
    /// objective to first order, NaN where every gradient is 0.
    /// </summary>
    public double StationarityGap
    {
        get
        {
            double[] alpha = MinNorm.Solve(Gram);
            double square = 0, largest = 0;
            for (int i = 0; i < alpha.Length; i++)
            {
                largest = Math.Max(largest, Gram[i, i]);
                for (int j = 0; j < alpha.Length; j++) { square += alpha[i] * alpha[j] * Gram[i, j]; }
            }

            return Math.Max(square, 0) / largest;
        }
    }

    /// <summary>Mean over several updates: Gram matrices and improvements are averaged; null of none.</summary>
    public static GradientGeometry? Mean(IReadOnlyList<GradientGeometry> several)
    {
        if (several.Count == 0) { return null; }
        int count = several[0].Gram.GetLength(0);
        var gram = new double[count, count];
        double[]? improvement = several[0].Improvement is null ? null : new double[count];
        foreach (var one in several)
        {
            for (int i = 0; i < count; i++)
            {
                for (int j = 0; j < count; j++) { gram[i, j] += one.Gram[i, j] / several.Count; }
                if (improvement is not null) { improvement[i] += one.Improvement![i] / several.Count; }
            }
        }

        return new(gram, improvement);
    }

    /// <summary>Metrics by name: gradient/norm/A, gradient/cosine/A/B, gradient/conflict_rate, gradient/norm_ratio, gradient/stationarity_gap, gradient/improvement/A, gradient/against.</summary>
    /// <param name="objectives">Names, in order.</param>
    public IEnumerable<(string Name, double Value)> Metrics(IReadOnlyList<string> objectives)
    {
        double[] norms = Norms;
        double[,] cosines = Cosines;
        for (int i = 0; i < objectives.Count; i++)
        {
            yield return ($"gradient/norm/{objectives[i]}", norms[i]);
            if (Improvement is not null) { yield return ($"gradient/improvement/{objectives[i]}", Improvement[i]); }
            for (int j = i + 1; j < objectives.Count; j++) { yield return ($"gradient/cosine/{objectives[i]}/{objectives[j]}", cosines[i, j]); }
        }

        if (Improvement is not null) { yield return ("gradient/against", Improvement.Count(value => value < 0)); }
        yield return ("gradient/conflict_rate", ConflictRate);
        yield return ("gradient/norm_ratio", NormRatio);
        yield return ("gradient/stationarity_gap", StationarityGap);
    }
}
