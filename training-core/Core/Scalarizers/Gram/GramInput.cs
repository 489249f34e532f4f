namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// A Gram matrix G_ij = ⟨g_i, g_j⟩ that has been checked and divided by its largest diagonal entry, so that gradients of any
/// length (1e-10 or 1e15) give the solvers numbers near 1.
/// </summary>
internal sealed class GramInput
{
    /// <summary>Most objectives that the solvers are meant for.</summary>
    public const int MostObjectives = 16;

    // Below this, 1/scale would not be finite; no gradient that is a gradient is that short.
    private const double SmallestScale = 1e-300;

    // ‖g_i‖² as a share of the largest. An objective whose scores are all equal has advantages, and so a gradient, of rounding
    // only; a method that follows the shortest gradient, or makes all equally long, would follow that.
    private const double SmallestShare = 1e-16;

    private GramInput(double[,] values, double scale) => (Values, Scale) = (values, scale);

    /// <summary>G / <see cref="Scale"/>, symmetric, shape [M, M]; rows of gradients that count as 0 are all 0.</summary>
    public double[,] Values { get; }

    /// <summary>Largest diagonal entry of G; 0 if all gradients are 0.</summary>
    public double Scale { get; }

    /// <summary>M.</summary>
    public int Count => Values.GetLength(0);

    /// <summary>All gradients are 0.</summary>
    public bool IsZero => Scale == 0;

    /// <summary>Whether a gradient counts as 0: it is, or it is shorter than 1e-8 of the longest.</summary>
    public bool IsZeroRow(int row) => Values[row, row] == 0;

    /// <summary>Checks and scales.</summary>
    /// <param name="gram">Shape [M, M], 1 to 16 objectives.</param>
    /// <param name="preference">p, shape [M]; null where a solver takes none.</param>
    /// <exception cref="ArgumentException">Shapes do not fit, an entry is not finite, a diagonal entry is negative, or the preference is not a set of proportions.</exception>
    public static GramInput Of(double[,] gram, IReadOnlyList<double>? preference = null)
    {
        int count = gram.GetLength(0);
        if (count != gram.GetLength(1) || count is < 1 or > MostObjectives) { throw new ArgumentException($"the Gram matrix has shape [{count}, {gram.GetLength(1)}]; it is square, with 1 to {MostObjectives} objectives.", nameof(gram)); }
        if (preference is not null && (preference.Count != count || preference.Any(share => !double.IsFinite(share) || share < 0) || preference.Sum() <= 0)) { throw new ArgumentException($"the preference is {ObjectiveWeights.Show(preference)} for {count} objectives; it has one finite number of at least 0 per objective, not all 0.", nameof(preference)); }
        double scale = 0;
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++)
            {
                if (!double.IsFinite(gram[i, j])) { throw new ArgumentException(FormattableString.Invariant($"entry [{i}, {j}] of the Gram matrix is {gram[i, j]}; gradients must be finite."), nameof(gram)); }
            }

            if (gram[i, i] < 0) { throw new ArgumentException(FormattableString.Invariant($"entry [{i}, {i}] of the Gram matrix is {gram[i, i]}; it is a squared norm and cannot be negative."), nameof(gram)); }
            scale = Math.Max(scale, gram[i, i]);
        }

        var values = new double[count, count];
        if (scale < SmallestScale) { return new(values, 0); }
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++)
            {
                if (gram[i, i] / scale > SmallestShare && gram[j, j] / scale > SmallestShare) { values[i, j] = ((gram[i, j] / scale) + (gram[j, i] / scale)) / 2; }
            }
        }

        return new(values, scale);
    }
}
