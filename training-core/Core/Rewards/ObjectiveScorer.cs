using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>
/// Scores completions on one objective: calls its reward, retries failures, applies the failure policy. Time limits are
/// the caller's: an attempt that ran out of time is <see cref="ScoreAttempt.Failed"/> there.
/// </summary>
public sealed class ObjectiveScorer(ObjectiveSpec objective, IReward reward)
{
    /// <summary>Scores a batch.</summary>
    /// <exception cref="RewardFailureException">A sample failed and the policy is <see cref="FailurePolicy.Fail"/>.</exception>
    public ObjectiveScores Score(IReadOnlyList<ScoredCompletion> completions, RewardContext context) =>
        ObjectiveScores.Resolve(objective, [.. completions.Select(completion => Attempt(completion, context))]);

    /// <summary>Scores one completion, at most 1 + retries times; never throws.</summary>
    public ScoreAttempt Attempt(in ScoredCompletion completion, in RewardContext context)
    {
        for (int retries = 0; ; retries++)
        {
            ScoreAttempt attempt;
            try
            {
                attempt = ScoreAttempt.Of(reward.Score(completion, context), retries);
            }
            catch (Exception error)
            {
                // Whatever a reward throws is its own failure, which the objective's policy decides about.
                attempt = ScoreAttempt.Failed($"{error.GetType().Name}: {error.Message}", retries);
            }

            if (attempt.Failure is null || retries >= objective.Retries) { return attempt; }
        }
    }
}
