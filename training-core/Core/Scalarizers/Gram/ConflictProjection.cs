namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// PCGrad (Yu et al., arXiv 2001.06782, algorithm 1): each gradient in turn loses its component along every other with which it
/// conflicts, g_i ← g_i − ⟨g_i, g_j⟩/‖g_j‖² g_j while ⟨g_i, g_j⟩ &lt; 0; the results are summed.
/// </summary>
internal static class ConflictProjection
{
    /// <summary>α, shape [M]; the preference itself where nothing conflicts.</summary>
    /// <param name="preference">p, shape [M]; the paper's sum has 1 each.</param>
    /// <param name="order">For objective i, the order in which it meets the others; i itself is passed over.</param>
    public static double[] Solve(double[,] gram, IReadOnlyList<double> preference, Func<int, IReadOnlyList<int>> order)
    {
        var input = GramInput.Of(gram, preference);
        var result = new double[input.Count];
        for (int i = 0; i < input.Count; i++)
        {
            double[] own = new double[input.Count];
            own[i] = 1;
            foreach (int j in order(i))
            {
                if (j == i || input.IsZeroRow(j)) { continue; }
                double product = 0;
                for (int k = 0; k < own.Length; k++) { product += input.Values[j, k] * own[k]; }
                if (product < 0) { own[j] -= product / input.Values[j, j]; }
            }

            for (int j = 0; j < own.Length; j++) { result[j] += preference[i] * own[j]; }
        }

        return result;
    }
}
