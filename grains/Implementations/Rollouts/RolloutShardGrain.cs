using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Training.Randomness;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Rollouts;

/// <summary>Address of one shard.</summary>
[Orleans.Concurrency.Reentrant, Placement.Pinned]
public sealed class RolloutShardGrain(JobHosts hosts) : Grain, IRolloutShardGrain
{
    private ShardStation? _station;

    private string JobId => GrainKeys.Parse(this.GetPrimaryKeyString()).JobId;

    private int Shard => GrainKeys.Parse(this.GetPrimaryKeyString()).Part;

    private ShardStation Station => _station ??= new ShardStation(hosts, GrainFactory, JobId, Shard);

    /// <inheritdoc/>
    public async Task<ShardReport> Start(ShardWork work, CancellationToken cancellationToken)
    {
        Station.Start(work);
        return await Station.PollAsync(work.Key, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<ShardReport> Poll(string key, CancellationToken cancellationToken) => await Station.PollAsync(key, cancellationToken);

    /// <inheritdoc/>
    public Task<ImmutableArray<CompletionTextMessage>> Texts(RolloutKey rollout, int prompts, CancellationToken cancellationToken)
    {
        var job = hosts.Get(JobId).Job;
        var texts = hosts.Get(JobId).Completions(rollout.ToCore(), Shard).Where(completion => completion.Prompt.StepIndex < prompts)
            .Select(completion => CompletionSummaries.Text(job, (RandomPurpose)rollout.Purpose, completion))
            .Select(text => new CompletionTextMessage(text.Prompt, text.Sample, text.PromptText, text.Response, text.GroundTruth));
        return Task.FromResult(texts.ToImmutableArray());
    }
}
