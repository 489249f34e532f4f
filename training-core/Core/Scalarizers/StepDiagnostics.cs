namespace Ctwa.Training.Scalarizers;

/// <summary>
/// What every step reports about every objective, whatever the method: it makes interference visible under linear weights too.
/// </summary>
public sealed record StepDiagnostics
{
    /// <summary>Mean score over valid samples, shape [M].</summary>
    public required double[] Mean { get; init; }

    /// <summary>Population standard deviation of the score over valid samples, shape [M].</summary>
    public required double[] Deviation { get; init; }

    /// <summary>Within-prompt statistics of scores and signal.</summary>
    public required WithinPromptStatistics WithinPrompt { get; init; }

    /// <summary>Diagnoses a step.</summary>
    /// <param name="signals">Scores and groups.</param>
    /// <param name="signal">Training signal w, shape [B]: <see cref="StepOutcome.TrainingSignal"/>.</param>
    public static StepDiagnostics Compute(StepSignals signals, double[] signal)
    {
        ObjectiveCheck.Require(signal, signals, "training signal");
        double[] means = Means(signals), deviations = new double[means.Length];
        int count = signals.Valid.Count(valid => valid);
        for (int j = 0; j < means.Length; j++)
        {
            double squares = 0;
            for (int b = 0; b < signals.Valid.Length; b++)
            {
                double difference = signals.Scores[b, j] - means[j];
                squares += signals.Valid[b] ? difference * difference : 0;
            }

            deviations[j] = Math.Sqrt(squares / count);
        }

        return new() { Mean = means, Deviation = deviations, WithinPrompt = WithinPromptStatistics.Compute(signals.Scores, signal, signals.Groups, signals.Valid) };
    }

    /// <summary>
    /// Metrics by name: score_mean/NAME, score_std/NAME, covariance/NAME, correlation/NAME, degenerate_fraction/NAME. What is
    /// not defined in a step (a correlation without an informative prompt) is left out, not written as 0.
    /// </summary>
    public IEnumerable<(string Name, double Value)> Metrics(IReadOnlyList<string> objectives)
    {
        double[] degenerate = WithinPrompt.DegenerateFraction;
        for (int j = 0; j < objectives.Count; j++)
        {
            foreach (var (name, value) in new[] { ("score_mean", Mean[j]), ("score_std", Deviation[j]), ("covariance", WithinPrompt.Covariance[j]), ("correlation", WithinPrompt.Correlation[j]), ("degenerate_fraction", degenerate[j]) })
            {
                if (double.IsFinite(value)) { yield return ($"{name}/{objectives[j]}", value); }
            }
        }
    }

    /// <summary>Mean score of each objective over valid samples, shape [M]; NaN without one.</summary>
    internal static double[] Means(StepSignals signals)
    {
        var means = new double[signals.Scores.GetLength(1)];
        int count = signals.Valid.Count(valid => valid);
        for (int j = 0; j < means.Length; j++)
        {
            for (int b = 0; b < signals.Valid.Length; b++) { means[j] += signals.Valid[b] ? signals.Scores[b, j] : 0; }
            means[j] /= count;
        }

        return means;
    }
}
