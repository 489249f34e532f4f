namespace Ctwa.Training.Scalarizers;

/// <summary>
/// How the objectives move together within the samples of one prompt: C_jk = mean over prompts of Cov(r_j, r_k), population
/// moments. The scalar reward s = Σ_k λ_k r_k is linear, so Cov(r_j, s) = (Cλ)_j is known for every λ before any update.
/// </summary>
internal static class WithinPromptMoments
{
    /// <summary>C, row by row, shape [M·M]; NaN without a prompt of two or more valid samples.</summary>
    public static double[] Of(StepSignals signals)
    {
        int width = signals.Scores.GetLength(1);
        double[] moments = new double[width * width], mean = new double[width];
        var groups = SampleGroups.OfTwoOrMore(signals.Groups, signals.Valid);
        foreach (int[] group in groups)
        {
            Array.Clear(mean);
            foreach (int b in group)
            {
                for (int j = 0; j < width; j++) { mean[j] += signals.Scores[b, j] / group.Length; }
            }

            for (int j = 0; j < width; j++)
            {
                for (int k = 0; k <= j; k++)
                {
                    double cross = 0;
                    foreach (int b in group) { cross += (signals.Scores[b, j] - mean[j]) * (signals.Scores[b, k] - mean[k]); }
                    moments[(j * width) + k] += cross / group.Length;
                }
            }
        }

        for (int j = 0; j < width; j++)
        {
            for (int k = 0; k <= j; k++) { moments[(j * width) + k] = moments[(k * width) + j] = moments[(j * width) + k] / groups.Count; }
        }

        return moments;
    }
}
