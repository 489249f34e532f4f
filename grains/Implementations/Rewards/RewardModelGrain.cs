using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Placement;
using Ctwa.Grains.Telemetry;
using Ctwa.Training.Rewards;

namespace Ctwa.Grains.Rewards;

/// <summary>Address of one source of scores: hands batches to the silo's opened rewards and remembers what came of them.</summary>
[Orleans.Concurrency.Reentrant, Pinned]
public sealed class RewardModelGrain(JobHosts hosts) : Grain, IRewardModelGrain
{
    // Batches of all shards at once, and their answers until the next step's: small columns of numbers.
    private const int Remembered = 4096;

    private readonly WorkLedger<ImmutableArray<ScoreColumnMessage>> _work = new(Remembered);

    /// <inheritdoc/>
    public Task<ScoreReport> Start(string key, ScoreBatch batch, CancellationToken cancellationToken)
    {
        var (jobId, source) = GrainKeys.Parse(this.GetPrimaryKeyString());
        hosts.Fence(jobId, batch.Epoch);
        var rewards = hosts.Rewards(jobId);
        _work.BelongTo(rewards);
        _work.Start(key, () => WorkTrace.RunAsync("rewards", batch, this.GetPrimaryKeyString(), () => ScoreAsync(rewards, source, batch)));
        return Poll(key, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<ScoreReport> Poll(string key, CancellationToken cancellationToken)
    {
        var (status, columns, error) = await _work.PollAsync(key, cancellationToken);
        return new ScoreReport(status, columns.IsDefault ? [] : columns, error);
    }

    private static async Task<ImmutableArray<ScoreColumnMessage>> ScoreAsync(JobRewards rewards, int source, ScoreBatch batch)
    {
        // Off the turn: plain rewards, requests and files must not hold up the silo's scheduler.
        var columns = await Task.Run(() => rewards.Set.ScoreAsync(source, [.. batch.Items.Select(item => item.ToCore())], new RewardContext(batch.ReferenceLength), CancellationToken.None));
        return [.. columns.Select(column => ((IReadOnlyList<ScoreAttempt>)column).ToMessage())];
    }
}
