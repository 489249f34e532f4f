using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Coordination;
using Ctwa.Grains.Telemetry;
using Ctwa.Training.Losses;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Rollouts;

/// <summary>Address of one shard: hands its work to a compute lane and remembers what came of it.</summary>
[Orleans.Concurrency.Reentrant, Placement.Pinned]
public sealed class RolloutShardGrain(JobHosts hosts) : Grain, IRolloutShardGrain
{
    // Batches that a shard has under way at one source of scores.
    private const int BatchesAtOnce = 16;

    private readonly WorkLedger<ShardResult> _work = new();

    private string JobId => GrainKeys.Parse(this.GetPrimaryKeyString()).JobId;

    private int Shard => GrainKeys.Parse(this.GetPrimaryKeyString()).Part;

    /// <inheritdoc/>
    public Task Start(ShardWork work, CancellationToken cancellationToken)
    {
        hosts.Fence(JobId, work.Epoch);
        var host = hosts.Get(JobId);
        _work.BelongTo(host.Attempt);
        _work.Start(work.Key, () => WorkTrace.RunAsync("shard", work, this.GetPrimaryKeyString(), () => work switch
        {
            GenerateWork generate => GenerateAsync(host, generate),
            ScoreWork score => ScoreAsync(host, score),
            MeasureTokensWork measure => MeasureTokensAsync(host, measure),
            EstimateTokensWork estimate => EstimateTokensAsync(host, estimate),
            PolicyWork policy => PolicyAsync(host, policy),
            SupervisedWork supervised => SupervisedAsync(host, supervised),
            MeasureWork measure => MeasureAsync(host, measure),
            _ => throw new NotSupportedException($"shards do not know {work.GetType().Name}."),
        }));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<ShardReport> Poll(string key, CancellationToken cancellationToken)
    {
        var (status, result, error) = await _work.PollAsync(key, cancellationToken);
        return new ShardReport(status, result, error);
    }

    /// <inheritdoc/>
    public Task<ImmutableArray<CompletionTextMessage>> Texts(RolloutKey rollout, int prompts, CancellationToken cancellationToken)
    {
        var job = hosts.Get(JobId).Job;
        var texts = hosts.Get(JobId).Completions(rollout.ToCore(), Shard).Where(completion => completion.Prompt.StepIndex < prompts)
            .Select(completion => CompletionSummaries.Text(job, (RandomPurpose)rollout.Purpose, completion))
            .Select(text => new CompletionTextMessage(text.Prompt, text.Sample, text.PromptText, text.Response, text.GroundTruth));
        return Task.FromResult(texts.ToImmutableArray());
    }

    /// <inheritdoc/>
    public Task Release(RolloutKey rollout, CancellationToken cancellationToken)
    {
        hosts.Get(JobId).Release(rollout.ToCore(), Shard);
        return Task.CompletedTask;
    }

    private async Task<ShardResult> GenerateAsync(JobHost host, GenerateWork work)
    {
        var plan = work.Division.ToCore();
        long[] rows = new long[plan.Prompts];
        for (int i = 0; i < work.Prompts.Length; i++) { rows[work.Prompts[i]] = work.DatasetIndices[i]; }
        var rollout = work.Rollout.ToCore();
        var settings = new SamplingSettings
        {
            Seed = host.Job.Spec.Seed,
            Purpose = rollout.Purpose,
            Step = rollout.Step,
            Temperature = work.Sampling.Temperature,
            MaxNewTokens = work.Sampling.MaxNewTokens,
            SamplesPerPrompt = work.Sampling.SamplesPerPrompt,
            StopTokens = host.Job.StopTokens,
        };
        var completions = await host.GenerateAsync(Shard, new RolloutRequest(rollout, plan, rows, settings));
        CompletionSummary[] summaries = [.. completions.Select(CompletionSummaries.Of)];
        return new GenerateResult([.. summaries.Select(s => s.Length)], [.. summaries.Select(s => s.Stopped)], [.. summaries.Select(s => s.TokensHash)]);
    }

    private async Task<ShardResult> ScoreAsync(JobHost host, ScoreWork work)
    {
        var rollout = work.Rollout.ToCore();
        var completions = host.Completions(rollout, Shard);
        var items = await Task.Run(() => completions.Select(completion => host.Job.Describe(rollout.Purpose, completion)).ToArray());
        var sources = RewardSource.Of(host.Job.Spec);
        var scored = await Task.WhenAll(Enumerable.Range(0, sources.Length).Select(source => ScoreSourceAsync(host, source, work, items)));
        var columns = new ScoreColumnMessage[host.Job.Spec.Objectives.Count];
        for (int source = 0; source < sources.Length; source++)
        {
            for (int k = 0; k < sources[source].Objectives.Length; k++)
            {
                ScoreColumnMessage[] parts = [.. scored[source].Select(part => part[k])];
                columns[sources[source].Objectives[k]] = new ScoreColumnMessage([.. parts.SelectMany(p => p.Scores)], [.. parts.SelectMany(p => p.Failures)], [.. parts.SelectMany(p => p.Retries)]);
            }
        }

        return new ScoreResult([.. columns]);
    }

    /// <summary>Asks one source about all of the shard's completions, in batches side by side.</summary>
    private async Task<ImmutableArray<ScoreColumnMessage>[]> ScoreSourceAsync(JobHost host, int source, ScoreWork work, ScoredCompletion[] items)
    {
        var grain = GrainFactory.GetGrain<IRewardModelGrain>(GrainKeys.Of(JobId, source, host.Placement.RewardSilo));
        using var slots = new SemaphoreSlim(BatchesAtOnce);
        return await Task.WhenAll(ScoreBatches.Cut(items).Select(async (range, part) =>
        {
            await slots.WaitAsync();
            try
            {
                string key = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{work.Key}/{Shard}/{part}");
                var batch = new ScoreBatch([.. items[range].Select(item => item.ToMessage())], work.ReferenceLength) { Epoch = work.Epoch };
                return await WorkDriver.DriveAsync(
                    $"source {source} of job {JobId}, {key}",
                    () => grain.Start(key, batch, CancellationToken.None),
                    async () =>
                    {
                        var report = await grain.Poll(key, CancellationToken.None);
                        return (report.Status, report.Columns, report.Error);
                    },
                    CancellationToken.None);
            }
            finally
            {
                slots.Release();
            }
        }));
    }

    private async Task<ShardResult> MeasureTokensAsync(JobHost host, MeasureTokensWork work) =>
        new MeasureTokensResult([.. (await host.MeasureTokensAsync(Shard, work.Rollout.ToCore())).Select(CompletionSummaries.Divergence)]);

    private async Task<ShardResult> EstimateTokensAsync(JobHost host, EstimateTokensWork work) =>
        (await host.EstimateTokensAsync(Shard, work.Rollout.ToCore(), work.ToCore())).ToMessage();

    private async Task<ShardResult> PolicyAsync(JobHost host, PolicyWork work)
    {
        Completion[] part = [.. host.Completions(work.Rollout.ToCore(), Shard)
            .Where(completion => completion.Prompt.StepIndex >= work.FirstPrompt && completion.Prompt.StepIndex < work.FirstPrompt + work.PromptCount)];
        var mine = new PolicyPart([.. work.Advantages.Select(one => one.ToCore())], work.Rows.ToCore(), new UpdateCounts(work.TokenCount, work.SequenceCount), work.CompareSampler) { Step = work.Update.Step, Update = work.Update.Update, Halvings = work.Update.Halvings };
        var sums = await host.AccumulatePolicyAsync(Shard, work.Update.ToCore(), part, mine);
        return sums.ToMessage();
    }

    private async Task<ShardResult> SupervisedAsync(JobHost host, SupervisedWork work)
    {
        var examples = new PromptRange(work.FirstExample, work.FirstExample + work.ExampleCount);
        return (await host.AccumulateSupervisedAsync(Shard, work.Update.ToCore(), examples, work.MicroBatchSize)).ToMessage();
    }

    private async Task<ShardResult> MeasureAsync(JobHost host, MeasureWork work) =>
        (await host.MeasureAsync(Shard, host.Completions(work.Rollout.ToCore(), Shard), [.. work.Signal], work.FromReference)).ToMessage();
}
