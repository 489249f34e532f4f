using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Evaluation;

/// <summary>The opened rewards of an evaluation.</summary>
internal sealed class EvalRewards
{
    private readonly ObjectiveScorer[] _scorers;

    private EvalRewards(ObjectiveScorer[] scorers) => _scorers = scorers;

    /// <exception cref="ToolFailure">A reward cannot be made here.</exception>
    public static EvalRewards Open(JobSpec job) =>
        new([.. job.Objectives.Select(objective => ModelOptions.Guard(() => new ObjectiveScorer(objective, RewardRegistry.Create(objective.Reward))))]);

    /// <summary>Attempts per objective and completion.</summary>
    public async Task<ScoreAttempt[][]> AskAsync(IReadOnlyList<ScoredCompletion> completions, RewardContext context, CancellationToken cancellationToken)
    {
        var columns = new ScoreAttempt[_scorers.Length][];
        for (int j = 0; j < columns.Length; j++)
        {
            var scorer = _scorers[j];
            columns[j] = await Task.Run(() => completions.Select(completion => scorer.Attempt(completion, context)).ToArray(), cancellationToken);
        }

        return columns;
    }
}
