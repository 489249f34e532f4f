namespace Ctwa.Training.Rewards;

/// <summary>An <see cref="IReward"/> as a reward model: one completion at a time, each with the objective's time limit.</summary>
/// <param name="scorer">The reward with its retries.</param>
/// <param name="limit">Time for one completion, retries included.</param>
/// <param name="parallel">Completions at a time.</param>
internal sealed class PlainRewardModel(ObjectiveScorer scorer, TimeSpan limit, int parallel) : IRewardModel
{
    private readonly SemaphoreSlim _slots = new(parallel);

    public Task<RewardReply[]> ScoreAsync(IReadOnlyList<ScoredCompletion> items, RewardContext context, CancellationToken cancellationToken) =>
        Task.WhenAll(items.Select(item => OneAsync(item, context, cancellationToken)));

    public void Dispose() => _slots.Dispose();

    /// <summary>A reward that hangs keeps its thread; the job does not wait for it.</summary>
    private async Task<RewardReply> OneAsync(ScoredCompletion completion, RewardContext context, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken);
        try
        {
            // The limit is the reward's own time: it does not run while the batch waits for a thread.
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var scoring = Task.Run(() =>
            {
                begun.SetResult();
                return scorer.Attempt(completion, context);
            }, CancellationToken.None);
            await begun.Task;
            var attempt = await scoring.WaitAsync(limit, cancellationToken);
            return attempt.Failure is { } failure ? RewardReply.Failed(failure, attempt.Retries) : RewardReply.Of(attempt.Score, attempt.Retries);
        }
        catch (TimeoutException)
        {
            return RewardReply.Failed(FormattableString.Invariant($"no score within {limit.TotalSeconds:0.###} s"));
        }
        finally
        {
            _slots.Release();
        }
    }
}
