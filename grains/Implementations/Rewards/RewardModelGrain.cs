using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;

namespace Ctwa.Grains.Rewards;

/// <summary>Calls an objective's reward off the grain's turn, within the objective's time limit per completion.</summary>
[Orleans.Concurrency.Reentrant]
public sealed class RewardModelGrain(JobHosts hosts) : Grain, IRewardModelGrain
{
    /// <inheritdoc/>
    public async Task<ScoreColumnMessage> Score(ScoreBatch batch, CancellationToken cancellationToken)
    {
        var (jobId, objective) = GrainKeys.Parse(this.GetPrimaryKeyString());
        var job = hosts.Get(jobId).Job;
        var spec = job.Spec.Objectives[objective];
        var scorer = new ObjectiveScorer(spec, job.Rewards[objective]);
        var limit = spec.TimeoutDuration();
        var context = new RewardContext(batch.ReferenceLength);
        var attempts = await Task.Run(() => ScoreAllAsync(scorer, batch, context, limit), cancellationToken);
        return attempts.ToMessage();
    }

    private static async Task<IReadOnlyList<ScoreAttempt>> ScoreAllAsync(ObjectiveScorer scorer, ScoreBatch batch, RewardContext context, TimeSpan limit)
    {
        var attempts = new ScoreAttempt[batch.Items.Length];
        for (int i = 0; i < attempts.Length; i++)
        {
            var completion = batch.Items[i].ToCore();
            // A reward that hangs keeps its thread; what matters is that the job does not wait for it.
            var scoring = Task.Run(() => scorer.Attempt(completion, context));
            var first = await Task.WhenAny(scoring, Task.Delay(limit));
            attempts[i] = first == scoring ? await scoring : ScoreAttempt.Failed($"no score within {limit.TotalSeconds:0.###} s");
        }

        return attempts;
    }
}
