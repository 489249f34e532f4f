using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Telemetry;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Telemetry;

namespace Ctwa.Grains.Coordination;

/// <summary>
/// Computes a job with grains on the silos of a plan: every request becomes one piece of work per shard or slice, driven side by
/// side; answers are put together in shard or slice order, never in order of arrival. When a silo is lost, what was asked for fails with
/// <see cref="ComputeLostException"/>, and the loop has the rest recover.
/// </summary>
/// <param name="jobId">Job.</param>
/// <param name="epoch">Of this coordinator.</param>
/// <param name="job">The job, prepared where the coordinator runs.</param>
/// <param name="specJson">The resolved job.</param>
/// <param name="runDirectory">Run directory.</param>
/// <param name="grid">The silos.</param>
/// <param name="grains">Gives grains.</param>
/// <param name="log">Is told of plans.</param>
/// <param name="here">The silo of the coordinator.</param>
/// <param name="telemetry">Is told of plans and stragglers.</param>
/// <param name="drained">Called when every silo that computes is leaving.</param>
internal sealed partial class GrainBackend(string jobId, long epoch, PreparedJob job, string specJson, string runDirectory, GridMembers grid, IGrainFactory grains, GridLog log, CoordinatorPlace here, JobTelemetry telemetry, Action drained) : ITrainingBackend
{
    /// <summary>From so many shards on, calls go in batches by silo.</summary>
    internal const int FanFrom = 256;

    private readonly PreparedJob _job = job;
    private readonly Dictionary<RolloutId, StepPlan> _plans = [];
    private readonly StepPhase _phase = new();
    private string _rewardSilo = "";
    private long _version;
    private long _committed;

    private int Shards => _job.Spec.Grid.Shards;

    private int Slices => _job.Spec.Grid.Slices;

    /// <summary>What the job does now, and where.</summary>
    public JobActivity Activity
    {
        get
        {
            // Those that have been closed in the meantime compute no more.
            var members = _placement is not { } plan ? [] : plan.Members.Index().Where(one => _members.ContainsKey(one.Item.Silo)).Select(one => ActivityOf(plan, one.Item.Silo, one.Index)).ToList();
            return new JobActivity(_phase.Name, _phase.Elapsed.TotalSeconds, _phase.Done, _phase.Parts, [.. members.Take(JobActivity.MostMembers)], members.Count);
        }
    }

    public Task ResetOptimizerAsync(CancellationToken cancellationToken) => OnMembersAsync(Placement.Members, _ => new ResetWork(NextKey("reset")), cancellationToken);

    public async Task FreezeReferenceAsync(string path, CancellationToken cancellationToken)
    {
        string writer = Placement.Members[0].Silo;
        await OnMembersAsync(Placement.Members, silo => new FreezeWork(NextKey("freeze"), silo == writer ? path : null), cancellationToken);
        _hasReference = true;
    }

    public async Task<CompletionSummary[]> GenerateAsync(RolloutRequest request, CancellationToken cancellationToken)
    {
        _phase.Begin(PhaseOf(request.Id, "generate"));
        _plans[request.Id] = request.Plan;
        var sampling = new SamplingMessage(request.Sampling.Temperature, request.Sampling.MaxNewTokens, request.Sampling.SamplesPerPrompt);
        var results = await OnShards<GenerateResult>(shard =>
        {
            int[] prompts = [.. request.Plan.PromptsOf(shard)];
            return new GenerateWork($"generate/{request.Id.Name}", request.Id.ToMessage(), request.Plan.ToMessage(), [.. prompts], [.. prompts.Select(prompt => request.DatasetIndices[prompt])], sampling);
        }, cancellationToken, again: true);
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
        _phase.Begin(PhaseOf(rollout, "score"));
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
        var parts = await SideBySide.RunAsync(
            Enumerable.Range(0, Shards).Select(shard => (Func<CancellationToken, Task<ImmutableArray<CompletionTextMessage>>>)(token => WorkDriver.CallAsync($"texts of shard {shard}", () => Shard(shard).Texts(rollout.ToMessage(), prompts, token), token))), cancellationToken);
        return [.. parts.SelectMany(part => part).OrderBy(text => text.Prompt).ThenBy(text => text.Sample)
            .Select(text => new CompletionText(text.Prompt, text.Sample, text.PromptText, text.Response, text.GroundTruth))];
    }

    public async Task ReleaseAsync(RolloutId rollout, CancellationToken cancellationToken)
    {
        _plans.Remove(rollout);
        await SideBySide.RunAsync(
            Placement.Members.Select(member => (Func<CancellationToken, Task<bool>>)(token => WorkDriver.CallAsync($"release on silo {member.Silo}", async () =>
            {
                await MemberOf(member.Silo).Release(rollout.ToMessage(), epoch, token);
                return true;
            }, token))), cancellationToken);
    }

    public async Task<double[]> MeasureTokensAsync(RolloutId rollout, CancellationToken cancellationToken)
    {
        _phase.Begin("update");
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
        _phase.Begin("update");
        int samples = _job.Spec.Rollout.SamplesPerPrompt;
        var sums = Sum(await OnShards<UpdateResult>(shard =>
        {
            // A probe covers all of the step's prompts; which of them the shard holds, the shard knows.
            var part = update.PlanUpdate < 0 ? new PromptRange(0, update.Plan.Prompts) : update.Plan.Part(update.PlanUpdate, shard);
            var mine = update.Part(update.CompletionsOf(shard, samples));
            return new PolicyWork(KeyOf("policy", update.Id), update.Id.ToMessage(), update.Rollout.ToMessage(), part.Start, part.Count,
                [.. mine.Advantages.Select(one => one.ToMessage())], update.Rows.ToMessage(), update.TokenCount, update.SequenceCount, update.CompareSampler);
        }, cancellationToken));
        await CollectAsync(update.Id, update.RowCount, update.Rows.Keep && update.Rows.LastBlockOnly, cancellationToken);
        return sums;
    }

    public async Task<UpdateSums> AccumulateSupervisedAsync(SupervisedUpdate update, CancellationToken cancellationToken)
    {
        _phase.Begin("update");
        var sums = Sum(await OnShards<UpdateResult>(shard =>
        {
            var part = update.Plan.Part(0, shard);
            return new SupervisedWork(KeyOf("supervised", update.Id), update.Id.ToMessage(), part.Start, part.Count, update.MicroBatchSize);
        }, cancellationToken));
        await CollectAsync(update.Id, rows: 1, lastBlockOnly: false, cancellationToken);
        return sums;
    }

    public async Task<double> ReduceAsync(UpdateId update, CancellationToken cancellationToken)
    {
        var parts = await OnSlices((_, _) => new ReduceWork(KeyOf("reduce", update), update.ToMessage()), cancellationToken);
        double sum = 0;
        foreach (var part in parts) { sum += part.Values[0]; }
        return sum;
    }

    public async Task<double[][,]> GramAsync(UpdateId update, GramScope scope, CancellationToken cancellationToken)
    {
        var parts = await OnSlices((_, _) => new GramWork(KeyOf($"gram/{scope}", update), update.ToMessage(), scope == GramScope.LastBlock), cancellationToken);
        return [.. parts.Select(part => Square(part.Values))];
    }

    public Task CombineAsync(UpdateId update, double[][] coefficients, CancellationToken cancellationToken) =>
        OnSlices((slice, _) => new CombineWork(KeyOf("combine", update), update.ToMessage(), [.. coefficients[slice]]), cancellationToken);

    public async Task<double[]> ApplyAsync(OptimizerUpdate update, CancellationToken cancellationToken)
    {
        var plan = Placement;
        long version = _version + 1;
        var parts = await OnSlices((_, _) => new ApplyWork(KeyOf("apply", update.Id), update.Id.ToMessage(), update.GradientScale, update.LearningRate, update.AdamStep, version, _committed, Keep: plan.Members.Length > 1), cancellationToken);
        _version = version;
        if (plan.Members.Length > 1)
        {
            var manifest = plan.Slices.Select((slice, i) => new PublishedSlice(slice.Primary, parts[i].Hash)).ToImmutableArray();
            await OnMembersAsync(plan.Members, _ => new PublishWork(NextKey("publish"), version, manifest, Verify: false), cancellationToken);
        }

        return SliceProducts.Sum(parts.Select(part => part.Values.ToArray()));
    }

    public async Task<double[]> DisplacementAsync(UpdateId probe, CancellationToken cancellationToken) => SliceProducts.Sum(
        (await OnSlices((_, _) => new DisplacementWork(KeyOf("displacement", probe), probe.ToMessage()), cancellationToken)).Select(part => part.Values.ToArray()));

    public async Task<PostUpdateMeasurement[]> MeasureAsync(RolloutId rollout, double[] signal, bool fromReference, CancellationToken cancellationToken)
    {
        _phase.Begin("observe");
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

    /// <summary>Held-out prompts are sampled and scored as training prompts are.</summary>
    private static string PhaseOf(RolloutId rollout, string word) => rollout.Purpose is RandomPurpose.Validation or RandomPurpose.Test ? "validate" : word;

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
}
