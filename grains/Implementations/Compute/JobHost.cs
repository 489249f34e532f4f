using System.Collections.Concurrent;
using Ctwa.Training.Advantages;
using Ctwa.Training.Gradients;
using Ctwa.Training.Losses;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;

namespace Ctwa.Grains.Compute;

/// <summary>
/// A job's memory and workers on this silo: one set of flat vectors per device, one worker per compute lane, the
/// rollouts that its shards hold. Grains address it; it outlives their activations.
/// </summary>
public sealed class JobHost : IDisposable
{
    private readonly ComputeLane[] _lanes;
    private readonly ShardWorker[] _workers;
    private readonly SliceWorker[] _slices;
    private readonly PolicyMemory _memory;
    private readonly ConcurrentDictionary<(RolloutId Rollout, int Shard), Completion[]> _rollouts = new();
    private readonly Lock _lock = new();
    private (UpdateId Id, GradientLedger Ledger, HashSet<int> Applied)? _update;

    public JobHost(PreparedJob job, int lanes)
    {
        Job = job;
        _memory = new PolicyMemory(job.Layout, torch.CPU);
        _lanes = [.. Enumerable.Range(0, Math.Clamp(lanes, 1, job.Spec.Grid.Shards)).Select(index => new ComputeLane(index, job.Spec.Grid.ThreadsPerShard))];
        _workers = [.. _lanes.Select(_ => new ShardWorker(job, _memory))];
        _slices = [.. job.Layout.Slices(job.Spec.Grid.Slices).Select(range => new SliceWorker(_memory, range))];
    }

    public PreparedJob Job { get; }

    /// <summary>Runs work on the whole memory, on the first lane.</summary>
    public Task RunAsync(Action<PolicyMemory> work) => _lanes[0].RunAsync(() => work(_memory));

    /// <summary>Samples a shard's prompts and keeps the completions.</summary>
    public Task<Completion[]> GenerateAsync(int shard, RolloutRequest request) => OnLane(shard, worker => _rollouts[(request.Id, shard)] = worker.Generate(request, shard));

    /// <summary>Completions that a shard holds.</summary>
    /// <exception cref="InvalidOperationException">They are gone: the silo that held them was lost.</exception>
    public Completion[] Completions(RolloutId rollout, int shard) => _rollouts.TryGetValue((rollout, shard), out var held)
        ? held
        : throw new InvalidOperationException($"shard {shard} no longer holds rollout {rollout.Name}.");

    /// <summary>Frees a shard's rollout.</summary>
    public void Release(RolloutId rollout, int shard) => _rollouts.TryRemove((rollout, shard), out _);

    /// <summary>Back-propagates completions of a shard into a gradient buffer and offers it to the update's sum.</summary>
    public Task<UpdateSums> AccumulatePolicyAsync(int shard, UpdateId update, Completion[] completions, OutcomeAdvantages advantages, UpdateCounts counts, bool compareSampler) =>
        AccumulateAsync(shard, update, (worker, gradient) => worker.AccumulatePolicy(completions, advantages, counts, compareSampler, gradient));

    /// <summary>Back-propagates a shard's supervised examples likewise.</summary>
    public Task<UpdateSums> AccumulateSupervisedAsync(int shard, UpdateId update, PromptRange examples, int microBatchSize) =>
        AccumulateAsync(shard, update, (worker, gradient) => worker.AccumulateSupervised(update.Step, examples, microBatchSize, gradient));

    /// <summary>See <see cref="ShardWorker.MeasurePostUpdate"/>.</summary>
    public Task<double[]> MeasureAsync(int shard, Completion[] completions, OutcomeAdvantages advantages) => OnLane(shard, worker => worker.MeasurePostUpdate(completions, advantages));

    /// <summary>Σ g² of a slice of the update's summed gradient.</summary>
    public Task<double> ReduceAsync(int slice, UpdateId update)
    {
        var ledger = LedgerOf(update);
        return LaneOf(slice, _slices.Length).RunAsync(() => _slices[slice].SumOfSquares(ledger.Sum));
    }

    /// <summary>One optimizer update of a slice; a second call for the same update does nothing.</summary>
    public async Task ApplyAsync(int slice, OptimizerUpdate update)
    {
        lock (_lock)
        {
            if (_update is not { } current || current.Id != update.Id) { throw new InvalidOperationException($"slice {slice} holds no gradient of {update.Id}."); }
            if (current.Applied.Contains(slice)) { return; }
        }

        var ledger = LedgerOf(update.Id);
        await LaneOf(slice, _slices.Length).RunAsync(() => _slices[slice].Apply(ledger.Sum, Job.OptimizerOf(update.Id.Stage), update));
        lock (_lock)
        {
            _update!.Value.Applied.Add(slice);
            if (_update.Value.Applied.Count == _slices.Length) { ledger.Dispose(); }
        }
    }

    public void Dispose()
    {
        foreach (var lane in _lanes) { lane.Dispose(); }
        _update?.Ledger.Dispose();
        foreach (var worker in _workers) { worker.Dispose(); }
        _memory.Dispose();
    }

    private Task<UpdateSums> AccumulateAsync(int shard, UpdateId update, Func<ShardWorker, Tensor, UpdateSums> work)
    {
        var ledger = LedgerOf(update);
        return OnLane(shard, worker =>
        {
            var gradient = _memory.RentGradient();
            try
            {
                var sums = work(worker, gradient);
                ledger.Offer(shard, gradient);
                return sums;
            }
            catch
            {
                _memory.ReturnGradient(gradient);
                throw;
            }
        });
    }

    /// <summary>The update's ledger; the first to ask makes it and frees the one before.</summary>
    private GradientLedger LedgerOf(UpdateId update)
    {
        lock (_lock)
        {
            if (_update is { } current && current.Id == update) { return current.Ledger; }
            _update?.Ledger.Dispose();
            var ledger = new GradientLedger(_memory, Job.Spec.Grid.Shards);
            _update = (update, ledger, []);
            return ledger;
        }
    }

    private Task<T> OnLane<T>(int shard, Func<ShardWorker, T> work)
    {
        var lane = LaneOf(shard, Job.Spec.Grid.Shards);
        return lane.RunAsync(() => work(_workers[lane.Index]));
    }

    /// <summary>Contiguous ranges of shards or slices share a lane. Which lane never changes bits.</summary>
    private ComputeLane LaneOf(int index, int count) => _lanes[(int)((long)index * _lanes.Length / count)];
}
