using System.Collections.Concurrent;
using Ctwa.Training.Gradients;
using Ctwa.Training.Rewards;
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
    private readonly ComputeLane? _rewardLane;
    private readonly ShardWorker[] _workers;
    private readonly SliceWorker[] _slices;
    private readonly PolicyMemory _memory;
    private readonly PolicyMemory[] _replicas;
    private readonly ConcurrentDictionary<(RolloutId Rollout, int Shard), Completion[]> _rollouts = new();
    private readonly Lock _lock = new();
    private HeldUpdate? _update;
    private HeldUpdate? _probe;

    /// <param name="job">What to compute.</param>
    /// <param name="lanes">Threads for its shards and slices.</param>
    /// <param name="devices">Where they compute; lanes take them in turn, reward models the last.</param>
    /// <param name="log">Gets lines of its rewards for the silo's log.</param>
    /// <exception cref="JobInputException">A reward cannot be opened; no memory was taken.</exception>
    public JobHost(PreparedJob job, int lanes, IReadOnlyList<torch.Device> devices, Action<string> log)
    {
        Job = job;
        // Models of rewards compute beside the shards, on a thread of their own.
        _rewardLane = job.Spec.Objectives.Select(objective => objective.Reward).Concat(job.Spec.RewardModels.Select(model => model.Reward)).Any(reward => reward is ModelRewardSpec) ? new ComputeLane(lanes, job.Spec.Grid.ThreadsPerShard) : null;
        try
        {
            var services = new RewardServices { Log = log, Device = devices[^1], Parallel = Environment.ProcessorCount };
            Rewards = job.OpenRewards(_rewardLane is { } lane ? services with { Lane = new RewardLane(lane) } : services);
        }
        catch
        {
            _rewardLane?.Dispose();
            throw;
        }

        _memory = job.CreateMemory(devices[0]);
        _replicas = [.. devices.Skip(1).Select(device => job.CreateMemory(device, replica: true))];
        _lanes = [.. Enumerable.Range(0, Math.Clamp(Math.Max(lanes, devices.Count), 1, job.Spec.Grid.Shards)).Select(index => new ComputeLane(index, job.Spec.Grid.ThreadsPerShard))];
        _workers = [.. _lanes.Select(lane => new ShardWorker(job, MemoryOf(lane)))];
        _slices = [.. job.Layout.Slices(job.Spec.Grid.Slices).Select(range => new SliceWorker(_memory, range, job.Layout.LastBlock()) { TailLearningRate = (job.Spec.Loss.Value ?? new()).LearningRate })];
    }

    public PreparedJob Job { get; }

    /// <summary>The job's sources of scores, opened on this silo.</summary>
    public RewardSet Rewards { get; }

    /// <summary>Compute lanes that the job has here.</summary>
    public int Lanes => _lanes.Length;

    /// <summary>What decides the bits here.</summary>
    public NumericFingerprint Fingerprint => NumericFingerprint.Of(_memory.Device, Job.Spec.Grid.ThreadsPerShard);

    /// <summary>Runs work on the whole memory, on the first lane.</summary>
    /// <param name="changes">The work changes what models compute with: other devices get it too.</param>
    public Task RunAsync(Action<PolicyMemory> work, bool changes = true) => _lanes[0].RunAsync(() =>
    {
        work(_memory);
        if (!changes) { return; }
        foreach (var replica in _replicas) { replica.CopyFrom(_memory); }
    });

    /// <summary>Samples a shard's prompts and keeps the completions.</summary>
    public Task<Completion[]> GenerateAsync(int shard, RolloutRequest request) => OnLane(shard, worker => _rollouts[(request.Id, shard)] = worker.Generate(request, shard));

    /// <summary>Completions that a shard holds.</summary>
    /// <exception cref="InvalidOperationException">They are gone: the silo that held them was lost.</exception>
    public Completion[] Completions(RolloutId rollout, int shard) => _rollouts.TryGetValue((rollout, shard), out var held)
        ? held
        : throw new InvalidOperationException($"shard {shard} no longer holds rollout {rollout.Name}.");

    /// <summary>Frees a shard's rollout.</summary>
    public void Release(RolloutId rollout, int shard) => _rollouts.TryRemove((rollout, shard), out _);

    /// <summary>Measures a shard's tokens and keeps what was found with them.</summary>
    public Task<Completion[]> MeasureTokensAsync(int shard, RolloutId rollout) => OnLane(shard, worker => _rollouts[(rollout, shard)] = worker.MeasureTokens(Completions(rollout, shard)));

    /// <summary>Estimates advantages of a shard's tokens and keeps them there.</summary>
    public Task<StreamEstimate[]> EstimateTokensAsync(int shard, RolloutId rollout, TokenRewards rewards) => OnLane(shard, _ =>
    {
        Completion[] estimated = [.. Completions(rollout, shard)];
        var estimates = TokenEstimation.Run(Job.Spec.Advantage, estimated, rewards);
        _rollouts[(rollout, shard)] = estimated;
        return estimates;
    });

    /// <summary>Back-propagates completions of a shard into gradient buffers and offers them to the update's sums.</summary>
    public Task<UpdateSums> AccumulatePolicyAsync(int shard, UpdateId update, Completion[] completions, PolicyPart part) =>
        AccumulateAsync(shard, update, part.RowCount, part.Rows, (worker, gradients) => worker.AccumulatePolicy(completions, part, gradients));

    /// <summary>Back-propagates a shard's supervised examples likewise.</summary>
    public Task<UpdateSums> AccumulateSupervisedAsync(int shard, UpdateId update, PromptRange examples, int microBatchSize) =>
        AccumulateAsync(shard, update, 1, PolicyRows.Single, (worker, gradients) => worker.AccumulateSupervised(update.Step, examples, microBatchSize, gradients[0], update.Halvings));

    /// <summary>See <see cref="ShardWorker.Measure"/>.</summary>
    public Task<PostUpdateMeasurement[]> MeasureAsync(int shard, Completion[] completions, double[] signal, bool fromReference) => OnLane(shard, worker => worker.Measure(completions, signal, fromReference));

    /// <summary>Σ g² of a slice of the update's gradient.</summary>
    public Task<double> ReduceAsync(int slice, UpdateId update) => OnSlice(slice, worker => worker.SumOfSquares(Held(update).Gradients));

    /// <summary>See <see cref="SliceWorker.Gram"/>.</summary>
    public Task<double[,]> GramAsync(int slice, UpdateId update, GramScope scope) => OnSlice(slice, worker => worker.Gram(Held(update).Gradients, scope));

    /// <summary>See <see cref="SliceWorker.Combine"/>.</summary>
    public Task CombineAsync(int slice, UpdateId update, double[] coefficients) => OnSlice(slice, worker =>
    {
        worker.Combine(Held(update).Gradients, coefficients);
        return true;
    });

    /// <summary>One optimizer update of a slice; a second call for the same update changes nothing and gives the same answer.</summary>
    public Task<double[]> ApplyAsync(int slice, OptimizerUpdate update) =>
        FinishAsync(slice, update.Id, (worker, gradients) =>
        {
            double[] products = worker.Apply(gradients, Job.OptimizerOf(update.Id.Stage), update);
            // No shard computes while slices do: the coordinator orders them.
            foreach (var replica in _replicas) { replica.CopyFrom(_memory, worker.Range); }
            return products;
        });

    /// <summary>See <see cref="SliceWorker.Displacement"/>; when every slice has answered, the probe is freed.</summary>
    public Task<double[]> DisplacementAsync(int slice, UpdateId probe) => FinishAsync(slice, probe, (worker, gradients) => worker.Displacement(gradients));

    public void Dispose()
    {
        Rewards.Dispose();
        _rewardLane?.Dispose();
        foreach (var lane in _lanes) { lane.Dispose(); }
        _update?.Gradients.Dispose();
        _probe?.Gradients.Dispose();
        foreach (var worker in _workers) { worker.Dispose(); }
        foreach (var replica in _replicas) { replica.Dispose(); }
        _memory.Dispose();
    }

    private Task<UpdateSums> AccumulateAsync(int shard, UpdateId update, int rows, PolicyRows kind, Func<ShardWorker, Tensor[], UpdateSums> work)
    {
        var gradients = Hold(update, rows, kind).Gradients;
        return OnLane(shard, (worker, memory) =>
        {
            var buffers = gradients.Rent(memory);
            try
            {
                var sums = work(worker, buffers);
                gradients.Offer(shard, buffers, memory);
                return sums;
            }
            catch
            {
                foreach (var buffer in buffers) { memory.ReturnGradient(buffer); }
                throw;
            }
        });
    }

    /// <summary>A slice's last piece of work on an update; its answer is kept for whoever asks again.</summary>
    private async Task<double[]> FinishAsync(int slice, UpdateId update, Func<SliceWorker, UpdateGradients, double[]> work)
    {
        var held = Held(update);
        lock (_lock)
        {
            if (held.Answers.TryGetValue(slice, out double[]? known)) { return known; }
        }

        double[] answer = await OnSlice(slice, worker => work(worker, held.Gradients));
        lock (_lock)
        {
            held.Answers[slice] = answer;
            if (held.Answers.Count == _slices.Length) { held.Gradients.Dispose(); }
        }

        return answer;
    }

    /// <summary>The update's gradients; the first to ask makes them and frees those before.</summary>
    private HeldUpdate Hold(UpdateId update, int rows, PolicyRows kind)
    {
        lock (_lock)
        {
            ref var place = ref update.IsProbe ? ref _probe : ref _update;
            if (place is { } current && current.Id == update) { return current; }
            place?.Gradients.Dispose();
            return place = new HeldUpdate(update, new UpdateGradients(_memory, Job.Spec.Grid.Shards, rows, kind.LastBlockOnly ? Job.Layout.LastBlock() : null, rememberWeights: update.IsProbe));
        }
    }

    private HeldUpdate Held(UpdateId update)
    {
        lock (_lock)
        {
            return (update.IsProbe ? _probe : _update) is { } current && current.Id == update
                ? current
                : throw new InvalidOperationException($"no gradients of {update} are held.");
        }
    }

    private Task<T> OnSlice<T>(int slice, Func<SliceWorker, T> work) => LaneOf(slice, _slices.Length).RunAsync(() => work(_slices[slice]));

    private Task<T> OnLane<T>(int shard, Func<ShardWorker, T> work) => OnLane(shard, (worker, _) => work(worker));

    private Task<T> OnLane<T>(int shard, Func<ShardWorker, PolicyMemory, T> work)
    {
        var lane = LaneOf(shard, Job.Spec.Grid.Shards);
        return lane.RunAsync(() => work(_workers[lane.Index], MemoryOf(lane)));
    }

    /// <summary>Lanes take devices in turn; the first device has master weights, moments and sums of gradients.</summary>
    private PolicyMemory MemoryOf(ComputeLane lane) => lane.Index % (_replicas.Length + 1) is var device && device == 0 ? _memory : _replicas[device - 1];

    /// <summary>Contiguous ranges of shards or slices share a lane. Which lane never changes bits.</summary>
    private ComputeLane LaneOf(int index, int count) => _lanes[(int)((long)index * _lanes.Length / count)];

    private sealed class RewardLane(ComputeLane lane) : IRewardLane
    {
        public Task<T> RunAsync<T>(Func<T> work) => lane.RunAsync(work);
    }

    /// <summary>The gradients of one update, and what each slice answered to its last piece of work.</summary>
    private sealed record HeldUpdate(UpdateId Id, UpdateGradients Gradients)
    {
        public Dictionary<int, double[]> Answers { get; } = [];
    }
}
