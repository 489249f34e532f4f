using Ctwa.Training.Advantages;
using Ctwa.Training.Gradients;
using Ctwa.Training.Losses;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Rollouts;
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
    private readonly Dictionary<RolloutId, Completion[]> _rollouts = [];
    private GradientLedger? _ledger;

    public LocalBackend(PreparedJob job)
    {
        torch.set_num_threads(job.Spec.Grid.ThreadsPerShard);
        _job = job;
        _memory = new PolicyMemory(job.Layout, torch.CPU);
        _worker = new ShardWorker(job, _memory);
        _slices = [.. job.Layout.Slices(job.Spec.Grid.Slices).Select(range => new SliceWorker(_memory, range))];
    }

    private int Shards => _job.Spec.Grid.Shards;

    public Task LoadAsync(string? checkpoint, string? reference, CancellationToken cancellationToken)
    {
        PolicyFiles.Load(_job, _memory, checkpoint, reference);
        return Task.CompletedTask;
    }

    public Task SaveAsync(string folder, CancellationToken cancellationToken)
    {
        PolicyFiles.Save(_job, _memory, folder);
        return Task.CompletedTask;
    }

    public Task ResetOptimizerAsync(CancellationToken cancellationToken)
    {
        PolicyFiles.ResetOptimizer(_memory);
        return Task.CompletedTask;
    }

    public Task FreezeReferenceAsync(string path, CancellationToken cancellationToken)
    {
        PolicyFiles.FreezeReference(_memory, path);
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
        return Task.FromResult(all.Select(CompletionSummaries.Of).ToArray());
    }

    public Task<IReadOnlyList<IReadOnlyList<ScoreAttempt>>> ScoreAsync(RolloutId rollout, RewardContext context, CancellationToken cancellationToken)
    {
        var completions = _rollouts[rollout].Select(completion => _job.Describe(rollout.Purpose, completion)).ToArray();
        var columns = new List<IReadOnlyList<ScoreAttempt>>();
        for (int j = 0; j < _job.Rewards.Count; j++)
        {
            var scorer = new ObjectiveScorer(_job.Spec.Objectives[j], _job.Rewards[j]);
            columns.Add([.. completions.Select(completion => scorer.Attempt(completion, context))]);
        }

        return Task.FromResult<IReadOnlyList<IReadOnlyList<ScoreAttempt>>>(columns);
    }

    public Task<CompletionText[]> TextsAsync(RolloutId rollout, int prompts, CancellationToken cancellationToken) =>
        Task.FromResult(_rollouts[rollout].Where(completion => completion.Prompt.StepIndex < prompts)
            .Select(completion => CompletionSummaries.Text(_job, rollout.Purpose, completion)).ToArray());

    public Task ReleaseAsync(RolloutId rollout, CancellationToken cancellationToken)
    {
        _rollouts.Remove(rollout);
        return Task.CompletedTask;
    }

    public Task<UpdateSums> AccumulatePolicyAsync(PolicyUpdate update, CancellationToken cancellationToken)
    {
        int samples = _job.Spec.Rollout.SamplesPerPrompt;
        return Accumulate((shard, gradient) =>
        {
            var part = update.Plan.Part(update.PlanUpdate, shard);
            int[] rows = [.. Enumerable.Range(part.Start * samples, part.Count * samples)];
            return _worker.AccumulatePolicy([.. rows.Select(row => _rollouts[update.Rollout][row])], update.Advantages.Select(rows),
                new UpdateCounts(update.TokenCount, update.SequenceCount), update.CompareSampler, gradient);
        });
    }

    public Task<UpdateSums> AccumulateSupervisedAsync(SupervisedUpdate update, CancellationToken cancellationToken) =>
        Accumulate((shard, gradient) => _worker.AccumulateSupervised(update.Id.Step, update.Plan.Part(0, shard), update.MicroBatchSize, gradient));

    public Task<double> ReduceAsync(UpdateId update, CancellationToken cancellationToken)
    {
        double sum = 0;
        foreach (var slice in _slices) { sum += slice.SumOfSquares(_ledger!.Sum); }
        return Task.FromResult(sum);
    }

    public Task ApplyAsync(OptimizerUpdate update, CancellationToken cancellationToken)
    {
        foreach (var slice in _slices) { slice.Apply(_ledger!.Sum, _job.OptimizerOf(update.Id.Stage), update); }
        _ledger!.Dispose();
        _ledger = null;
        return Task.CompletedTask;
    }

    public Task<double[]> MeasurePostUpdateAsync(RolloutId rollout, OutcomeAdvantages advantages, CancellationToken cancellationToken)
    {
        // Shard by shard: the shapes of the forward passes are the shard's own, as everywhere.
        var plan = _job.TrainingPlan;
        int samples = _job.Spec.Rollout.SamplesPerPrompt;
        double[] weights = new double[_rollouts[rollout].Length];
        for (int shard = 0; shard < Shards; shard++)
        {
            int[] rows = [.. plan.PromptsOf(shard).SelectMany(prompt => Enumerable.Range(prompt * samples, samples))];
            double[] part = _worker.MeasurePostUpdate([.. rows.Select(row => _rollouts[rollout][row])], advantages.Select(rows));
            for (int i = 0; i < rows.Length; i++) { weights[rows[i]] = part[i]; }
        }

        return Task.FromResult(weights);
    }

    public void Dispose()
    {
        _ledger?.Dispose();
        _worker.Dispose();
        _memory.Dispose();
    }

    private Task<UpdateSums> Accumulate(Func<int, Tensor, UpdateSums> shardGradient)
    {
        _ledger?.Dispose();
        _ledger = new GradientLedger(_memory, Shards);
        var sums = new UpdateSums();
        for (int shard = 0; shard < Shards; shard++)
        {
            var buffer = _memory.RentGradient();
            sums = sums.Plus(shardGradient(shard, buffer));
            _ledger.Offer(shard, buffer);
        }

        return Task.FromResult(sums);
    }
}
