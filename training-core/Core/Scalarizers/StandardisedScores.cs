using Ctwa.Training.Advantages;

namespace Ctwa.Training.Scalarizers;

/// <summary>Scores standardised objective by objective, and the methods' own whitening. Sample standard deviations, float64.</summary>
internal static class StandardisedScores
{
    /// <summary>Inside the inverse square root of whitening; as in the estimators.</summary>
    private const double VarianceFloor = 1e-8;

    /// <summary>Z_bj = (r_bj − mean)/(sd + 1e-6) among the valid completions of a prompt, shape [M][B]; 0 where a prompt's scores do not differ.</summary>
    public static double[][] WithinPrompts(StepSignals signals) =>
        [.. Enumerable.Range(0, signals.Scores.GetLength(1)).Select(j => GroupNormalization.Normalize(PerObjective.Column(signals, j), signals.Groups, signals.Valid, normalizeByStd: true))];

    /// <summary>The same among all valid completions of the step.</summary>
    public static double[][] WithinBatch(StepSignals signals) =>
        [.. Enumerable.Range(0, signals.Scores.GetLength(1)).Select(j => GroupNormalization.Normalize(PerObjective.Column(signals, j), new int[signals.Groups.Length], signals.Valid, normalizeByStd: true))];

    /// <summary>Σ_j w_j z_bj, shape [B].</summary>
    public static double[] Combine(double[][] standardised, ReadOnlySpan<double> weights)
    {
        var combined = new double[standardised[0].Length];
        for (int j = 0; j < standardised.Length; j++)
        {
            for (int b = 0; b < combined.Length; b++) { combined[b] += weights[j] * standardised[j][b]; }
        }

        return combined;
    }

    /// <summary>(a − mean)/√(variance + 1e-8) over the valid completions, 0 elsewhere and where they do not differ.</summary>
    public static double[] Whiten(double[] values, bool[] valid)
    {
        int count = 0;
        double mean = 0, smallest = double.PositiveInfinity, largest = double.NegativeInfinity, squares = 0;
        for (int b = 0; b < values.Length; b++)
        {
            if (!valid[b]) { continue; }
            count++;
            mean += values[b];
            (smallest, largest) = (Math.Min(smallest, values[b]), Math.Max(largest, values[b]));
        }

        // Equal values carry no signal; the rounding of their mean must not become one.
        var whitened = new double[values.Length];
        if (count < 2 || smallest == largest) { return whitened; }
        mean /= count;
        for (int b = 0; b < values.Length; b++) { squares += valid[b] ? (values[b] - mean) * (values[b] - mean) : 0; }
        double scale = 1 / Math.Sqrt((squares / (count - 1)) + VarianceFloor);
        for (int b = 0; b < values.Length; b++) { whitened[b] = valid[b] ? (values[b] - mean) * scale : 0; }
        return whitened;
    }
}
