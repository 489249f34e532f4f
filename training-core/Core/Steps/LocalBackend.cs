using Ctwa.Training.Advantages;
using Ctwa.Training.Gradients;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using TorchSharp;

namespace Ctwa.Training.Steps;

/// <summary>
/// Computes a job in the calling thread, shard after shard: no grains, no threads. The oracle that the grid is compared
/// with, and its baseline in benchmarks.
/// </summary>
public sealed class LocalBackend : ITrainingBackend, IDisposable
{
    private readonly PreparedJob _job;
    private readonly PolicyMemory _memory;
    private readonly ShardWorker _worker;
    private readonly SliceWorker[] _slices;
    private readonly RewardSet _rewards;
    private readonly Dictionary<RolloutId, Completion[]> _rollouts = [];
    private readonly Dictionary<RolloutId, StepPlan> _plans = [];
    private Held? _update;
    private Held? _probe;
    private PolicySnapshot? _snapshot;

    public LocalBackend(PreparedJob job)
    {
        torch.set_num_threads(job.Spec.Grid.ThreadsPerShard);
        _job = job;
        _rewards = job.OpenRewards(new RewardServices());
        _memory = job.CreateMemory(torch.CPU);
        _worker = new ShardWorker(job, _memory);
        _slices = [.. job.Layout.Slices(job.Spec.Grid.Slices).Select(range => new SliceWorker(_memory, range, job.Layout.LastBlock()) { TailLearningRate = (job.Spec.Loss.Value ?? new()).LearningRate })];
    }

    public int Lanes => 1;

    public NumericFingerprint Fingerprint => NumericFingerprint.Of(_memory.Device, _job.Spec.Grid.ThreadsPerShard);

    private int Shards => _job.Spec.Grid.Shards;

    public Task LoadAsync(string? checkpoint, string? reference, long policyVersion, CancellationToken cancellationToken)
    {
        PolicyFiles.Load(_job, _memory, checkpoint, reference);
        return Task.CompletedTask;
    }

    public Task<SnapshotWriter> SnapshotAsync(bool copy, CancellationToken cancellationToken)
    {
        if (copy) { (_snapshot ??= new PolicySnapshot(_memory)).CopyFrom(_memory); }
        var vectors = copy ? _snapshot!.Vectors : _memory.Vectors;
        return Task.FromResult<SnapshotWriter>((folder, _) =>
        {
            PolicyFiles.Save(_job, vectors, folder);
            return Task.CompletedTask;
        });
    }

    public Task WaitForAsync(Task beside)
    {
        // Waits here, as ScoreAsync does: what follows an await that has to wait goes on in another thread.
        Task.WaitAny(beside);
        return beside;
    }

    public Task ResetOptimizerAsync(CancellationToken cancellationToken)
    {
        PolicyFiles.ResetOptimizer(_memory);
        return Task.CompletedTask;
    }

    public Task FreezeReferenceAsync(string path, CancellationToken cancellationToken)
    {
        PolicyFiles.FreezeReference(_job, _memory, path);
        return Task.CompletedTask;
    }

    public Task<CompletionSummary[]> GenerateAsync(RolloutRequest request, CancellationToken cancellationToken)
    {
        int samples = request.Sampling.SamplesPerPrompt;
        var all = new Completion[request.Plan.Prompts * samples];
        for (int shard = 0; shard < Shards; shard++)
        {
            foreach (var completion in _worker.Generate(request, shard)) { all[completion.Prompt.StepIndex * samples + completion.Sample] = completion; }
        }

        _rollouts[request.Id] = all;
        _plans[request.Id] = request.Plan;
        return Task.FromResult(all.Select(CompletionSummaries.Of).ToArray());
    }

    public Task<IReadOnlyList<IReadOnlyList<ScoreAttempt>>> ScoreAsync(RolloutId rollout, RewardContext context, CancellationToken cancellationToken)
    {
        var completions = _rollouts[rollout].Select(completion => _job.Describe(rollout.Purpose, completion)).ToArray();
        var plan = _plans[rollout];
        int samples = completions.Length / plan.Prompts;
        var rowsOf = Enumerable.Range(0, Shards).Select(shard => plan.PromptsOf(shard).SelectMany(prompt => Enumerable.Range(prompt * samples, samples)).ToArray());

        // Waits here: tensor work after an await would go on in another thread, with another number of native threads.
        return Task.FromResult<IReadOnlyList<IReadOnlyList<ScoreAttempt>>>(_rewards.ScoreAll(completions, rowsOf, context, cancellationToken));
    }

    public Task<CompletionText[]> TextsAsync(RolloutId rollout, int prompts, CancellationToken cancellationToken) =>
        Task.FromResult(_rollouts[rollout].Where(completion => completion.Prompt.StepIndex < prompts)
            .Select(completion => CompletionSummaries.Text(_job, rollout.Purpose, completion)).ToArray());

    public Task ReleaseAsync(RolloutId rollout, CancellationToken cancellationToken)
    {
        _rollouts.Remove(rollout);
        _plans.Remove(rollout);
        return Task.CompletedTask;
    }

    public Task<double[]> MeasureTokensAsync(RolloutId rollout, CancellationToken cancellationToken)
    {
        var all = _rollouts[rollout];
        for (int shard = 0; shard < Shards; shard++)
        {
            int[] rows = RowsOf(shard);
            var measured = _worker.MeasureTokens([.. rows.Select(row => all[row])]);
            for (int i = 0; i < rows.Length; i++) { all[rows[i]] = measured[i]; }
        }

        return Task.FromResult(all.Select(CompletionSummaries.Divergence).ToArray());
    }

    public Task<StreamEstimate[]> EstimateTokensAsync(RolloutId rollout, int pass, TokenRewards rewards, CancellationToken cancellationToken)
    {
        var all = _rollouts[rollout];
        int[][] rowsOf = [.. Enumerable.Range(0, Shards).Select(RowsOf)];
        var estimates = new List<StreamEstimate[]>();
        foreach (int[] rows in rowsOf)
        {
            Completion[] part = [.. rows.Select(row => all[row])];
            estimates.Add(TokenEstimation.Run(_job.Spec.Advantage, part, rewards.Select(rows)));
            for (int i = 0; i < rows.Length; i++) { all[rows[i]] = part[i]; }
        }

        return Task.FromResult(TokenEstimation.Merge(estimates, rowsOf));
    }

    public Task<UpdateSums> AccumulatePolicyAsync(PolicyUpdate update, CancellationToken cancellationToken)
    {
        int samples = _job.Spec.Rollout.SamplesPerPrompt;
        return Accumulate(update.Id, update.RowCount, update.Rows, (shard, gradients) =>
        {
            int[] rows = update.CompletionsOf(shard, samples);
            return _worker.AccumulatePolicy([.. rows.Select(row => _rollouts[update.Rollout][row])], update.Part(rows), gradients);
        });
    }

    public Task<UpdateSums> AccumulateSupervisedAsync(SupervisedUpdate update, CancellationToken cancellationToken) =>
        Accumulate(update.Id, 1, PolicyRows.Single, (shard, gradients) => _worker.AccumulateSupervised(update.Id.Step, update.Plan.Part(0, shard), update.MicroBatchSize, gradients[0], update.Id.Halvings));

    public Task<double> ReduceAsync(UpdateId update, CancellationToken cancellationToken)
    {
        double sum = 0;
        foreach (var (slice, gradients) in SlicesOf(update)) { sum += slice.SumOfSquares(gradients); }
        return Task.FromResult(sum);
    }

    public Task<double[][,]> GramAsync(UpdateId update, GramScope scope, CancellationToken cancellationToken) =>
        Task.FromResult(SlicesOf(update).Select(part => part.Worker.Gram(part.Gradients, scope)).ToArray());

    public Task CombineAsync(UpdateId update, double[][] coefficients, CancellationToken cancellationToken)
    {
        foreach (var ((worker, gradients), alpha) in SlicesOf(update).Zip(coefficients)) { worker.Combine(gradients, alpha); }
        return Task.CompletedTask;
    }

    public Task<double[]> ApplyAsync(OptimizerUpdate update, CancellationToken cancellationToken)
    {
        var products = SliceProducts.Sum(SlicesOf(update.Id).Select(part => part.Worker.Apply(part.Gradients, _job.OptimizerOf(update.Id.Stage), update)));
        _update!.Dispose();
        _update = null;
        return Task.FromResult(products);
    }

    public Task<double[]> DisplacementAsync(UpdateId probe, CancellationToken cancellationToken)
    {
        var products = SliceProducts.Sum(SlicesOf(probe).Select(part => part.Worker.Displacement(part.Gradients)));
        _probe!.Dispose();
        _probe = null;
        return Task.FromResult(products);
    }

    public Task<PostUpdateMeasurement[]> MeasureAsync(RolloutId rollout, double[] signal, bool fromReference, CancellationToken cancellationToken)
    {
        // Shard by shard: the shapes of the forward passes are the shard's own, as everywhere.
        var plan = _job.TrainingPlan;
        int samples = _job.Spec.Rollout.SamplesPerPrompt;
        var measured = new PostUpdateMeasurement[_rollouts[rollout].Length];
        for (int shard = 0; shard < Shards; shard++)
        {
            int[] rows = [.. plan.PromptsOf(shard).SelectMany(prompt => Enumerable.Range(prompt * samples, samples))];
            var part = _worker.Measure([.. rows.Select(row => _rollouts[rollout][row])], [.. rows.Select(row => signal[row])], fromReference);
            for (int i = 0; i < rows.Length; i++) { measured[rows[i]] = part[i]; }
        }

        return Task.FromResult(measured);
    }

    public void Dispose()
    {
        _update?.Dispose();
        _probe?.Dispose();
        _worker.Dispose();
        _memory.Dispose();
        _snapshot?.Dispose();
        _rewards.Dispose();
    }

    /// <summary>Indices of a shard's completions of a training step, in the shard's order.</summary>
    private int[] RowsOf(int shard)
    {
        int samples = _job.Spec.Rollout.SamplesPerPrompt;
        return [.. _job.TrainingPlan.PromptsOf(shard).SelectMany(prompt => Enumerable.Range(prompt * samples, samples))];
    }

    private Task<UpdateSums> Accumulate(UpdateId id, int rows, PolicyRows kind, Func<int, Tensor[], UpdateSums> shardGradients)
    {
        ref var place = ref id.IsProbe ? ref _probe : ref _update;
        place?.Dispose();
        place = null;
        var gradients = new UpdateGradients(_memory, Shards, rows, kind.LastBlockOnly ? _job.Layout.LastBlock() : null);
        var sums = new UpdateSums();
        for (int shard = 0; shard < Shards; shard++)
        {
            var buffers = gradients.Rent();
            sums = sums.Plus(shardGradients(shard, buffers));
            gradients.Offer(shard, buffers);
        }

        place = new Held(gradients, [.. _slices.Select(slice => SliceGradients.ViewOf(gradients, slice.Range, rememberWeights: id.IsProbe))]);
        return Task.FromResult(sums);
    }

    private IEnumerable<(SliceWorker Worker, SliceGradients Gradients)> SlicesOf(UpdateId id) => _slices.Zip(((id.IsProbe ? _probe : _update)
        ?? throw new InvalidOperationException($"no gradients of {id} are held.")).Slices);

    /// <summary>The gradients of one update, and the slices' parts of it.</summary>
    private sealed record Held(UpdateGradients Gradients, SliceGradients[] Slices) : IDisposable
    {
        public void Dispose()
        {
            foreach (var slice in Slices) { slice.Dispose(); }
            Gradients.Dispose();
        }
    }
}
