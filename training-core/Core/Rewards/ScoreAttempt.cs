namespace Ctwa.Training.Rewards;

/// <summary>What scoring one sample came to after its retries, before the objective's failure policy.</summary>
/// <param name="Score">The score; meaningless if there is a <paramref name="Failure"/>.</param>
/// <param name="Failure">Why there is no score: the last exception or the non-finite number. Null: there is one.</param>
/// <param name="Retries">Calls beyond the first.</param>
public readonly record struct ScoreAttempt(double Score, string? Failure, int Retries)
{
    /// <summary>A number from a reward; NaN and infinities are failures.</summary>
    public static ScoreAttempt Of(double score, int retries = 0) => double.IsFinite(score)
        ? new(score, null, retries)
        : Failed(FormattableString.Invariant($"the score is {score}, not a finite number"), retries);

    /// <summary>A failure with its reason, such as a timeout.</summary>
    public static ScoreAttempt Failed(string reason, int retries = 0) => new(0, reason, retries);
}
