using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>One objective's column of scores after its failure policy: what a step records durably before it is used (I7).</summary>
public sealed record ObjectiveScores
{
    /// <summary>Name of the objective.</summary>
    public required string Objective { get; init; }

    /// <summary>Finite score of each sample, shape [B]; a placeholder of 0 where <see cref="Valid"/> is false.</summary>
    public required double[] Scores { get; init; }

    /// <summary>False for samples that this objective drops, shape [B].</summary>
    public required bool[] Valid { get; init; }

    /// <summary>True for samples without a score of their own, dropped or substituted, shape [B].</summary>
    public required bool[] Failed { get; init; }

    /// <summary>Calls beyond the first, over all samples.</summary>
    public required int Retries { get; init; }

    /// <summary>Reason of the first failure in sample order; null without one.</summary>
    public string? FirstFailure { get; init; }

    /// <summary>How many samples failed.</summary>
    public int FailedCount => Failed.Count(failed => failed);

    /// <summary>How many samples this objective drops.</summary>
    public int DroppedCount => Valid.Count(valid => !valid);

    /// <summary>Applies an objective's failure policy to the attempts of its samples, in order.</summary>
    /// <exception cref="RewardFailureException">A sample failed and the policy is <see cref="FailurePolicy.Fail"/>.</exception>
    /// <exception cref="ArgumentException">The policy substitutes a score that is not finite.</exception>
    public static ObjectiveScores Resolve(ObjectiveSpec objective, IReadOnlyList<ScoreAttempt> attempts)
    {
        if (objective.OnFailure == FailurePolicy.Substitute && !double.IsFinite(objective.SubstituteScore)) { throw new ArgumentException(FormattableString.Invariant($"objective '{objective.Name}' substitutes {objective.SubstituteScore} for failed scores; substitute_score must be a finite number."), nameof(objective)); }
        var scores = new double[attempts.Count];
        var valid = new bool[attempts.Count];
        var failed = new bool[attempts.Count];
        string? first = null;
        for (int b = 0; b < attempts.Count; b++)
        {
            // A caller may have made the attempt by hand: a non-finite score never passes as a score.
            string? failure = attempts[b].Failure ?? ScoreAttempt.Of(attempts[b].Score).Failure;
            if (failure is not null && objective.OnFailure == FailurePolicy.Fail) { throw new RewardFailureException(objective.Name, b, failure); }
            failed[b] = failure is not null;
            first ??= failure;
            valid[b] = failure is null || objective.OnFailure == FailurePolicy.Substitute;
            scores[b] = failure is null ? attempts[b].Score : valid[b] ? objective.SubstituteScore : 0;
        }

        return new() { Objective = objective.Name, Scores = scores, Valid = valid, Failed = failed, Retries = attempts.Sum(attempt => attempt.Retries), FirstFailure = first };
    }

    /// <summary>Columns side by side: scores of shape [B, M], and the samples that no objective drops, shape [B].</summary>
    /// <exception cref="ArgumentException">There is no column, or the columns differ in length.</exception>
    public static (double[,] Scores, bool[] Valid) Join(IReadOnlyList<ObjectiveScores> columns)
    {
        if (columns.Count == 0) { throw new ArgumentException("no objective has scores; give one column per objective.", nameof(columns)); }
        int count = columns[0].Scores.Length;
        if (columns.FirstOrDefault(column => column.Scores.Length != count || column.Valid.Length != count) is { } odd) { throw new ArgumentException($"objective '{odd.Objective}' has {odd.Scores.Length} scores where '{columns[0].Objective}' has {count}; every objective scores every sample.", nameof(columns)); }
        var scores = new double[count, columns.Count];
        var valid = new bool[count];
        for (int b = 0; b < count; b++)
        {
            valid[b] = columns.All(column => column.Valid[b]);
            for (int j = 0; j < columns.Count; j++) { scores[b, j] = columns[j].Scores[b]; }
        }

        return (scores, valid);
    }
}
