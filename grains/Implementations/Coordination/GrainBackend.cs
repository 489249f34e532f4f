using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Coordination;

/// <summary>
/// Computes a job with grains: every request becomes one piece of work per shard or slice, driven side by side; answers
/// are put together in shard or slice order, never in order of arrival.
/// </summary>
internal sealed class GrainBackend(string jobId, JobHost host, IGrainFactory grains) : ITrainingBackend
{
    private readonly PreparedJob _job = host.Job;
    private readonly Dictionary<RolloutId, StepPlan> _plans = [];

    public int Lanes => host.Lanes;

    public NumericFingerprint Fingerprint => host.Fingerprint;

    private int Shards => _job.Spec.Grid.Shards;

    // Files are read and written where the coordinator runs. All slices of this version's grid live there too.
    public Task LoadAsync(string? checkpoint, string? reference, CancellationToken cancellationToken) =>
        host.RunAsync(memory => PolicyFiles.Load(_job, memory, checkpoint, reference));

    public Task SaveAsync(string folder, CancellationToken cancellationToken) => host.RunAsync(memory => PolicyFiles.Save(_job, memory, folder), changes: false);

    public Task ResetOptimizerAsync(CancellationToken cancellationToken) => host.RunAsync(PolicyFiles.ResetOptimizer, changes: false);

    public Task FreezeReferenceAsync(string path, CancellationToken cancellationToken) => host.RunAsync(memory => PolicyFiles.FreezeReference(_job, memory, path));

    public async Task<CompletionSummary[]> GenerateAsync(RolloutRequest request, CancellationToken cancellationToken)
    {
        _plans[request.Id] = request.Plan;
        var sampling = new SamplingMessage(request.Sampling.Temperature, request.Sampling.MaxNewTokens, request.Sampling.SamplesPerPrompt);
        var results = await OnShards<GenerateResult>(shard =>
        {
            int[] prompts = [.. request.Plan.PromptsOf(shard)];
            return new GenerateWork($"generate/{request.Id.Name}", request.Id.ToMessage(), request.Plan.ToMessage(), [.. prompts], [.. prompts.Select(prompt => request.DatasetIndices[prompt])], sampling);
        }, cancellationToken);
        var summaries = new CompletionSummary[request.Plan.Prompts * request.Sampling.SamplesPerPrompt];
        for (int shard = 0; shard < Shards; shard++)
        {
            int[] rows = RowsOf(request.Plan, shard, request.Sampling.SamplesPerPrompt);
            for (int i = 0; i < rows.Length; i++) { summaries[rows[i]] = new CompletionSummary(results[shard].Lengths[i], results[shard].Stopped[i], results[shard].TokensHashes[i]); }
        }

        return summaries;
    }

    public async Task<IReadOnlyList<IReadOnlyList<ScoreAttempt>>> ScoreAsync(RolloutId rollout, RewardContext context, CancellationToken cancellationToken)
    {
        var results = await OnShards<ScoreResult>(_ => new ScoreWork($"score/{rollout.Name}", rollout.ToMessage(), context.ReferenceLength), cancellationToken);
        var plan = _plans[rollout];
        int samples = results.Sum(result => result.Columns[0].Scores.Length) / plan.Prompts;
        var columns = Enumerable.Range(0, _job.Spec.Objectives.Count).Select(_ => new ScoreAttempt[plan.Prompts * samples]).ToArray();
        for (int shard = 0; shard < Shards; shard++)
        {
            int[] rows = RowsOf(plan, shard, samples);
            for (int objective = 0; objective < columns.Length; objective++)
            {
                int at = 0;
                foreach (var attempt in results[shard].Columns[objective].ToCore()) { columns[objective][rows[at++]] = attempt; }
            }
        }

        return columns;
    }

    public async Task<CompletionText[]> TextsAsync(RolloutId rollout, int prompts, CancellationToken cancellationToken)
    {
        var parts = await Task.WhenAll(Enumerable.Range(0, Shards).Select(shard => Shard(shard).Texts(rollout.ToMessage(), prompts, cancellationToken)));
        return [.. parts.SelectMany(part => part).OrderBy(text => text.Prompt).ThenBy(text => text.Sample)
            .Select(text => new CompletionText(text.Prompt, text.Sample, text.PromptText, text.Response, text.GroundTruth))];
    }

    public async Task ReleaseAsync(RolloutId rollout, CancellationToken cancellationToken)
    {
        _plans.Remove(rollout);
        await Task.WhenAll(Enumerable.Range(0, Shards).Select(shard => Shard(shard).Release(rollout.ToMessage(), cancellationToken)));
    }

    public async Task<double[]> MeasureTokensAsync(RolloutId rollout, CancellationToken cancellationToken)
    {
        var results = await OnShards<MeasureTokensResult>(_ => new MeasureTokensWork($"tokens/{rollout.Name}", rollout.ToMessage()), cancellationToken);
        int[][] rowsOf = RowsOf(_plans[rollout]);
        double[] divergence = new double[rowsOf.Sum(rows => rows.Length)];
        for (int shard = 0; shard < Shards; shard++)
        {
            for (int i = 0; i < rowsOf[shard].Length; i++) { divergence[rowsOf[shard][i]] = results[shard].Divergence[i]; }
        }

        return divergence;
    }

    public async Task<StreamEstimate[]> EstimateTokensAsync(RolloutId rollout, int pass, TokenRewards rewards, CancellationToken cancellationToken)
    {
        int[][] rowsOf = RowsOf(_plans[rollout]);
        var results = await OnShards<EstimateTokensResult>(shard =>
        {
            var mine = rewards.Select(rowsOf[shard]);
            return new EstimateTokensWork(
                string.Create(System.Globalization.CultureInfo.InvariantCulture, $"estimate/{rollout.Name}/{pass}"), rollout.ToMessage(), [.. mine.Streams],
                [.. mine.Rewards.Select(one => one.ToImmutableArray())], [.. mine.Baselines.Select(one => one.ToImmutableArray())], [.. mine.Valid], mine.EarlierTokenReward, mine.KlCoefficient);
        }, cancellationToken);
        return TokenEstimation.Merge([.. results.Select(result => result.ToCore())], rowsOf);
    }

    public async Task<UpdateSums> AccumulatePolicyAsync(PolicyUpdate update, CancellationToken cancellationToken)
    {
        int samples = _job.Spec.Rollout.SamplesPerPrompt;
        return Sum(await OnShards<UpdateResult>(shard =>
        {
            // A probe covers all of the step's prompts; which of them the shard holds, the shard knows.
            var part = update.PlanUpdate < 0 ? new PromptRange(0, update.Plan.Prompts) : update.Plan.Part(update.PlanUpdate, shard);
            var mine = update.Part(update.CompletionsOf(shard, samples));
            return new PolicyWork(KeyOf("policy", update.Id), update.Id.ToMessage(), update.Rollout.ToMessage(), part.Start, part.Count,
                [.. mine.Advantages.Select(one => one.ToMessage())], update.Rows.ToMessage(), update.TokenCount, update.SequenceCount, update.CompareSampler);
        }, cancellationToken));
    }

    public async Task<UpdateSums> AccumulateSupervisedAsync(SupervisedUpdate update, CancellationToken cancellationToken) =>
        Sum(await OnShards<UpdateResult>(shard =>
        {
            var part = update.Plan.Part(0, shard);
            return new SupervisedWork(KeyOf("supervised", update.Id), update.Id.ToMessage(), part.Start, part.Count, update.MicroBatchSize);
        }, cancellationToken));

    public async Task<double> ReduceAsync(UpdateId update, CancellationToken cancellationToken)
    {
        var parts = await OnSlices(_ => new ReduceWork(KeyOf("reduce", update), update.ToMessage()), cancellationToken);
        double sum = 0;
        foreach (var part in parts) { sum += part[0]; }
        return sum;
    }

    public async Task<double[][,]> GramAsync(UpdateId update, GramScope scope, CancellationToken cancellationToken)
    {
        var parts = await OnSlices(_ => new GramWork(KeyOf($"gram/{scope}", update), update.ToMessage(), scope == GramScope.LastBlock), cancellationToken);
        return [.. parts.Select(Square)];
    }

    public Task CombineAsync(UpdateId update, double[][] coefficients, CancellationToken cancellationToken) =>
        OnSlices(slice => new CombineWork(KeyOf("combine", update), update.ToMessage(), [.. coefficients[slice]]), cancellationToken);

    public async Task<double[]> ApplyAsync(OptimizerUpdate update, CancellationToken cancellationToken) => SliceProducts.Sum(
        (await OnSlices(_ => new ApplyWork(KeyOf("apply", update.Id), update.Id.ToMessage(), update.GradientScale, update.LearningRate, update.AdamStep), cancellationToken))
        .Select(part => part.ToArray()));

    public async Task<double[]> DisplacementAsync(UpdateId probe, CancellationToken cancellationToken) => SliceProducts.Sum(
        (await OnSlices(_ => new DisplacementWork(KeyOf("displacement", probe), probe.ToMessage()), cancellationToken)).Select(part => part.ToArray()));

    public async Task<PostUpdateMeasurement[]> MeasureAsync(RolloutId rollout, double[] signal, bool fromReference, CancellationToken cancellationToken)
    {
        int samples = _job.Spec.Rollout.SamplesPerPrompt;
        var plan = _plans[rollout];
        var results = await OnShards<MeasureResult>(shard => new MeasureWork($"measure/{rollout.Name}/{fromReference}", rollout.ToMessage(), [.. RowsOf(plan, shard, samples).Select(row => signal[row])], fromReference), cancellationToken);
        var measured = new PostUpdateMeasurement[signal.Length];
        for (int shard = 0; shard < Shards; shard++)
        {
            int[] rows = RowsOf(plan, shard, samples);
            var part = results[shard].ToCore();
            for (int i = 0; i < rows.Length; i++) { measured[rows[i]] = part[i]; }
        }

        return measured;
    }

    private static double[,] Square(ImmutableArray<double> rowByRow)
    {
        int size = (int)Math.Sqrt(rowByRow.Length);
        var matrix = new double[size, size];
        for (int i = 0; i < rowByRow.Length; i++) { matrix[i / size, i % size] = rowByRow[i]; }
        return matrix;
    }

    /// <summary>Indices of a shard's completions in the step, in the shard's order.</summary>
    private static int[] RowsOf(StepPlan plan, int shard, int samples) =>
        [.. plan.PromptsOf(shard).SelectMany(prompt => Enumerable.Range(prompt * samples, samples))];

    /// <summary>The same of every shard, of a training step.</summary>
    private int[][] RowsOf(StepPlan plan) => [.. Enumerable.Range(0, Shards).Select(shard => RowsOf(plan, shard, _job.Spec.Rollout.SamplesPerPrompt))];

    private static string KeyOf(string kind, UpdateId id) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{kind}/{id.Stage}/{id.Step}/{id.Update}/{id.Pass}/{id.Halvings}");

    private static UpdateSums Sum(IEnumerable<UpdateResult> parts) => parts.Aggregate(new UpdateSums(), (sum, part) => sum.Plus(part.ToCore()));

    private IRolloutShardGrain Shard(int shard) => grains.GetGrain<IRolloutShardGrain>(GrainKeys.Of(jobId, shard));

    private Task<T[]> OnShards<T>(Func<int, ShardWork> workOf, CancellationToken cancellationToken)
        where T : ShardResult =>
        Task.WhenAll(Enumerable.Range(0, Shards).Select(async shard =>
        {
            var grain = Shard(shard);
            var work = workOf(shard);
            return await WorkDriver.DriveAsync(
                $"shard {shard} of job {jobId}, {work.Key}",
                () => grain.Start(work, cancellationToken),
                async () =>
                {
                    var report = await grain.Poll(work.Key, cancellationToken);
                    return (report.Status, (T?)report.Result, report.Error);
                },
                cancellationToken);
        }));

    private Task<ImmutableArray<double>[]> OnSlices(Func<int, SliceWork> workOf, CancellationToken cancellationToken) =>
        Task.WhenAll(Enumerable.Range(0, _job.Spec.Grid.Slices).Select(async slice =>
        {
            var grain = grains.GetGrain<IGradientAccumulatorGrain>(GrainKeys.Of(jobId, slice));
            var work = workOf(slice);
            return await WorkDriver.DriveAsync(
                $"slice {slice} of job {jobId}, {work.Key}",
                () => grain.Start(work, cancellationToken),
                async () =>
                {
                    var report = await grain.Poll(work.Key, cancellationToken);
                    return (report.Status, report.Values, report.Error);
                },
                cancellationToken);
        }));
}
