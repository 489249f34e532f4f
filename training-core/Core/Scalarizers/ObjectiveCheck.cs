namespace Ctwa.Training.Scalarizers;

/// <summary>Checks shared by the methods: shapes that fit the objectives, and finite numbers wherever a sample counts.</summary>
internal static class ObjectiveCheck
{
    /// <exception cref="ArgumentException">Shapes differ from [B, M], no sample is valid, or a valid sample has a non-finite score.</exception>
    public static void Require(StepSignals signals, IReadOnlyList<string> objectives)
    {
        int count = signals.Scores.GetLength(0), width = signals.Scores.GetLength(1);
        if (width != objectives.Count) { throw new ArgumentException($"step {signals.Step} has scores of {width} objectives, the method has {objectives.Count} ({string.Join(", ", objectives)}); scores are one column per objective in the job's order.", nameof(signals)); }
        if (signals.Groups.Length != count || signals.Valid.Length != count) { throw new ArgumentException($"step {signals.Step} has {count} rows of scores but {signals.Groups.Length} groups and {signals.Valid.Length} validity flags; all have one entry per completion.", nameof(signals)); }
        if (!signals.Valid.AsSpan().Contains(true)) { throw new ArgumentException($"step {signals.Step} has no valid sample left of {count}: every one was dropped by a reward's failure policy.", nameof(signals)); }
        for (int b = 0; b < count; b++)
        {
            for (int j = 0; j < width && signals.Valid[b]; j++)
            {
                if (!double.IsFinite(signals.Scores[b, j])) { throw new ArgumentException(FormattableString.Invariant($"step {signals.Step}, sample {b}: the score of '{objectives[j]}' is {signals.Scores[b, j]}; scores of valid samples are finite."), nameof(signals)); }
            }
        }
    }

    /// <exception cref="ArgumentException">The signal is missing, has another length, or is not finite where a sample is valid.</exception>
    public static void Require(double[]? signal, StepSignals signals, string name)
    {
        if (signal is null) { throw new ArgumentException($"step {signals.Step} has no {name}, which this method requires.", nameof(signal)); }
        if (signal.Length != signals.Valid.Length) { throw new ArgumentException($"step {signals.Step}: {name} has {signal.Length} entries for {signals.Valid.Length} completions.", nameof(signal)); }
    }
}
