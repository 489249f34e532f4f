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

/// <summary>
/// What a shard does with its work: hands it to a compute lane and remembers what came of it. Used by one grain, on its turns:
/// the shard's own (<see cref="RolloutShardGrain"/>) or, with hundreds of shards, their silo's (<see cref="ShardFanGrain"/>).
/// </summary>
/// <param name="hosts">Jobs of this silo.</param>
/// <param name="grains">For the rewards.</param>
/// <param name="jobId">Job.</param>
/// <param name="shard">Number of the shard.</param>
internal sealed class ShardStation(JobHosts hosts, IGrainFactory grains, string jobId, int shard) : IShardStation
{
    // Batches that a shard has under way at one source of scores.
    private const int BatchesAtOnce = 16;

    private readonly WorkLedger<ShardResult> _work = new();
    private readonly string _key = GrainKeys.Of(jobId, shard, hosts.Silo);

    /// <inheritdoc/>
    public void Start(ShardWork work)
    {
        hosts.Fence(jobId, work.Epoch);
        var host = hosts.Get(jobId);
        _work.BelongTo(host.Attempt);
        _work.Start(work.Key, () => WorkTrace.RunAsync("shard", work, _key, () => work switch
        {
            GenerateWork generate => GenerateAsync(host, generate),
            ScoreWork score => ScoreAsync(host, score),
            MeasureTokensWork measure => MeasureTokensAsync(host, measure),
            EstimateTokensWork estimate => EstimateTokensAsync(host, estimate),
            PolicyWork policy => PolicyAsync(host, policy),
            SupervisedWork supervised => SupervisedAsync(host, supervised),
            MeasureWork measure => MeasureAsync(host, measure),
            _ => throw new NotSupportedException($"shards do not know {work.GetType().Name}."),
        }), counts: work is not GenerateWork generated || host.Holds(generated.Rollout.ToCore(), shard));
    }

    /// <inheritdoc/>
    public async ValueTask<ShardReport> PollAsync(string key, CancellationToken cancellationToken)
    {
        var (status, result, error) = await _work.PollAsync(key, cancellationToken);
        return new ShardReport(status, result, error);
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
        var completions = await host.GenerateAsync(shard, new RolloutRequest(rollout, plan, rows, settings));
        CompletionSummary[] summaries = [.. completions.Select(CompletionSummaries.Of)];
        return new GenerateResult([.. summaries.Select(s => s.Length)], [.. summaries.Select(s => s.Stopped)], [.. summaries.Select(s => s.TokensHash)]);
    }

    private async Task<ShardResult> ScoreAsync(JobHost host, ScoreWork work)
    {
        var rollout = work.Rollout.ToCore();
        var completions = host.Completions(rollout, shard);
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
        var grain = grains.GetGrain<IRewardModelGrain>(GrainKeys.Of(jobId, source, host.Placement.RewardSilo));
        using var slots = new SemaphoreSlim(BatchesAtOnce);
        return await Task.WhenAll(ScoreBatches.Cut(items).Select(async (range, part) =>
        {
            await slots.WaitAsync();
            try
            {
                string key = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{work.Key}/{shard}/{part}");
                var batch = new ScoreBatch([.. items[range].Select(item => item.ToMessage())], work.ReferenceLength) { Epoch = work.Epoch };
                return await WorkDriver.DriveAsync(
                    $"source {source} of job {jobId}, {key}",
                    () => grain.Start(key, batch, CancellationToken.None),
                    () => grain.Poll(key, CancellationToken.None),
                    report => (report.Status, report.Columns, report.Error),
                    CancellationToken.None);
            }
            finally
            {
                slots.Release();
            }
        }));
    }

    private async Task<ShardResult> MeasureTokensAsync(JobHost host, MeasureTokensWork work) =>
        new MeasureTokensResult([.. (await host.MeasureTokensAsync(shard, work.Rollout.ToCore())).Select(CompletionSummaries.Divergence)]);

    private async Task<ShardResult> EstimateTokensAsync(JobHost host, EstimateTokensWork work) =>
        (await host.EstimateTokensAsync(shard, work.Rollout.ToCore(), work.ToCore())).ToMessage();

    private async Task<ShardResult> PolicyAsync(JobHost host, PolicyWork work)
    {
        Completion[] part = [.. host.Completions(work.Rollout.ToCore(), shard)
            .Where(completion => completion.Prompt.StepIndex >= work.FirstPrompt && completion.Prompt.StepIndex < work.FirstPrompt + work.PromptCount)];
        var mine = new PolicyPart([.. work.Advantages.Select(one => one.ToCore())], work.Rows.ToCore(), new UpdateCounts(work.TokenCount, work.SequenceCount), work.CompareSampler) { Step = work.Update.Step, Update = work.Update.Update, Halvings = work.Update.Halvings };
        var sums = await host.AccumulatePolicyAsync(shard, work.Update.ToCore(), part, mine);
        return sums.ToMessage();
    }

    private async Task<ShardResult> SupervisedAsync(JobHost host, SupervisedWork work)
    {
        var examples = new PromptRange(work.FirstExample, work.FirstExample + work.ExampleCount);
        return (await host.AccumulateSupervisedAsync(shard, work.Update.ToCore(), examples, work.MicroBatchSize)).ToMessage();
    }

    private async Task<ShardResult> MeasureAsync(JobHost host, MeasureWork work) =>
        (await host.MeasureAsync(shard, host.Completions(work.Rollout.ToCore(), shard), [.. work.Signal], work.FromReference)).ToMessage();
}
