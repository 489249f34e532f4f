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
        var limit = ScoringTimeout.Of(spec);
        var context = new RewardContext(batch.ReferenceLength);
        using var slots = new SemaphoreSlim(Environment.ProcessorCount);
        var attempts = await Task.WhenAll(batch.Items.Select(item => AttemptAsync(slots, scorer, item.ToCore(), context, limit)));
        return ((IReadOnlyList<ScoreAttempt>)attempts).ToMessage();
    }

    /// <summary>One completion within its time limit. A reward that hangs keeps its thread; the job does not wait for it.</summary>
    private static async Task<ScoreAttempt> AttemptAsync(SemaphoreSlim slots, ObjectiveScorer scorer, ScoredCompletion completion, RewardContext context, TimeSpan limit)
    {
        await slots.WaitAsync();
        try
        {
            // The limit is the reward's own time: it does not run while the batch waits for a thread.
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var scoring = Task.Run(() =>
            {
                begun.SetResult();
                return scorer.Attempt(completion, context);
            });
            await begun.Task;
            return await scoring.WaitAsync(limit);
        }
        catch (TimeoutException)
        {
            return ScoreAttempt.Failed(FormattableString.Invariant($"no score within {limit.TotalSeconds:0.###} s"));
        }
        finally
        {
            slots.Release();
        }
    }
}
