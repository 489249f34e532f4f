using System.Collections.Concurrent;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Channel;
using Ctwa.Training.Advantages;
using Ctwa.Training.Gradients;
using Ctwa.Training.Models;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;

namespace Ctwa.Grains.Compute;

/// <summary>
/// A job's memory and workers on this silo: one set of flat vectors per device, one worker per compute lane, the rollouts and
/// gradients of its shards, and its copies of slices. Grains address it; it outlives their activations, and coordinators.
/// </summary>
public sealed partial class JobHost : IDisposable
{
    private readonly ComputeLane[] _lanes;
    private readonly ShardWorker[] _workers;
    private readonly SliceRange[] _ranges;
    private readonly PolicyMemory _memory;
    private readonly PolicyMemory[] _replicas;
    private readonly ConcurrentDictionary<(RolloutId Rollout, int Shard), Completion[]> _rollouts = new();
    private readonly ConcurrentDictionary<int, SliceCopy> _copies = new();
    private readonly Lock _lock = new();
    private HeldUpdate? _update;
    private HeldUpdate? _probe;

    /// <param name="job">What to compute.</param>
    /// <param name="jobId">Its id, for tensors that other silos ask for.</param>
    /// <param name="silo">This silo's parsable address.</param>
    /// <param name="lanes">Threads for its shards and slices.</param>
    /// <param name="devices">Where they compute; lanes take them in turn.</param>
    /// <param name="transport">Gets tensors from other silos; null: there are none.</param>
    public JobHost(PreparedJob job, string jobId, string silo, int lanes, IReadOnlyList<torch.Device> devices, ITensorTransport? transport)
    {
        Job = job;
        _silo = silo;
        _jobHash = TensorId.JobHash(jobId);
        _transport = transport;
        _memory = job.CreateMemory(devices[0]);
        _replicas = [.. devices.Skip(1).Select(device => job.CreateMemory(device, replica: true))];
        _lanes = [.. Enumerable.Range(0, Math.Clamp(Math.Max(lanes, devices.Count), 1, job.Spec.Grid.Shards)).Select(index => new ComputeLane(index, job.Spec.Grid.ThreadsPerShard))];
        _workers = [.. _lanes.Select(lane => new ShardWorker(job, MemoryOf(lane)))];
        _ranges = job.Layout.Slices(job.Spec.Grid.Slices);
    }

    public PreparedJob Job { get; }

    /// <summary>Changes when everything that was asked for before counts no more: who remembers answers forgets them then.</summary>
    public object Attempt { get; private set; } = new();

    /// <summary>Of the coordinator that this silo computes for.</summary>
    public long Epoch { get; internal set; }

    /// <summary>The present plan.</summary>
    /// <exception cref="ComputeLostException">This silo has no place in one yet.</exception>
    public JobPlacement Placement => _placement ?? throw new ComputeLostException("the silo has not been given a place in the job.");

    /// <summary>Compute lanes that the job has here.</summary>
    public int Lanes => _lanes.Length;

    /// <summary>Those that work now.</summary>
    internal int BusyLanes => _lanes.Count(lane => lane.Working > TimeSpan.Zero);

    /// <summary>How long the oldest piece of work has been running on a lane.</summary>
    public TimeSpan LongestWork => _lanes.Max(lane => lane.Working);

    /// <summary>What decides the bits here.</summary>
    public NumericFingerprint Fingerprint => NumericFingerprint.Of(_memory.Device, Job.Spec.Grid.ThreadsPerShard);

    /// <summary>Samples a shard's prompts and keeps the completions; those that are here already are given again.</summary>
    public Task<Completion[]> GenerateAsync(int shard, RolloutRequest request) => OnLane(shard, worker =>
    {
        // They are a function of the job and the step (invariant I3), so a redo of the step needs no second drawing.
        if (_rollouts.TryGetValue((request.Id, shard), out var held)) { return held; }
        foreach (var old in _rollouts.Keys.Where(key => key.Shard == shard && key.Rollout.Purpose == request.Id.Purpose)) { _rollouts.TryRemove(old, out _); }
        return _rollouts[(request.Id, shard)] = worker.Generate(request, shard);
    });

    /// <summary>Completions that a shard holds.</summary>
    /// <exception cref="ComputeLostException">They are gone.</exception>
    public Completion[] Completions(RolloutId rollout, int shard) => _rollouts.TryGetValue((rollout, shard), out var held)
        ? held
        : throw new ComputeLostException($"shard {shard} no longer holds rollout {rollout.Name}.");

    /// <summary>A shard's completions of a rollout are here.</summary>
    public bool Holds(RolloutId rollout, int shard) => _rollouts.ContainsKey((rollout, shard));

    /// <summary>Frees a rollout of all shards.</summary>
    public void Release(RolloutId rollout)
    {
        foreach (var held in _rollouts.Keys.Where(key => key.Rollout == rollout)) { _rollouts.TryRemove(held, out _); }
    }

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
    public Task<double> ReduceAsync(int slice, UpdateId update) => OnSlice(slice, copy => copy.Worker.SumOfSquares(copy.Gradients(update)));

    /// <summary>See <see cref="SliceWorker.Gram"/>.</summary>
    public Task<double[,]> GramAsync(int slice, UpdateId update, GramScope scope) => OnSlice(slice, copy => copy.Worker.Gram(copy.Gradients(update), scope));

    /// <summary>See <see cref="SliceWorker.Combine"/>.</summary>
    public Task CombineAsync(int slice, UpdateId update, double[] coefficients) => OnSlice(slice, copy =>
    {
        copy.Worker.Combine(copy.Gradients(update), coefficients);
        return true;
    });

    /// <summary>One optimizer update of a slice; see <see cref="SliceCopy.Apply"/>.</summary>
    internal Task<(double[] Values, ulong Hash)> ApplyAsync(int slice, OptimizerUpdate update, ApplyWork work) => OnSlice(slice, copy =>
    {
        var applied = copy.Apply(Job.OptimizerOf(update.Id.Stage), update, work.Version, work.Committed, work.Keep);
        // No shard computes while slices do: the coordinator orders them.
        foreach (var replica in _replicas) { replica.CopyFrom(_memory, copy.Range); }
        _known[slice] = applied.Hash;
        return applied;
    });

    /// <summary>See <see cref="SliceWorker.Displacement"/>; frees the probe.</summary>
    public Task<double[]> DisplacementAsync(int slice, UpdateId probe) => OnSlice(slice, copy =>
    {
        double[] products = copy.Worker.Displacement(copy.Gradients(probe));
        copy.Drop(probe: true);
        return products;
    });

    public void Dispose()
    {
        try
        {
            _gate.CloseAsync(s_longestTransfer).GetAwaiter().GetResult();
        }
        catch (ComputeLostException)
        {
            // Somebody still reads this memory: a leak until the process ends is better than its end now.
            return;
        }

        foreach (var lane in _lanes) { lane.Dispose(); }
        foreach (var copy in _copies.Values) { copy.Dispose(); }
        _update?.Gradients.Dispose();
        _probe?.Gradients.Dispose();
        foreach (var worker in _workers) { worker.Dispose(); }
        foreach (var replica in _replicas) { replica.Dispose(); }
        _memory.Dispose();
        DropSnapshot();
        _gate.Dispose();
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

    /// <summary>The update's gradients; the first to ask makes them and frees those before.</summary>
    private HeldUpdate Hold(UpdateId update, int rows, PolicyRows kind)
    {
        lock (_lock)
        {
            ref var place = ref update.IsProbe ? ref _probe : ref _update;
            if (place is { } current && current.Id == update) { return current; }
            // Slices that look at these sums have done with them: a new update begins after the last one's end.
            foreach (var copy in _copies.Values) { copy.Drop(update.IsProbe); }
            place?.Gradients.Dispose();
            return place = new HeldUpdate(update, new UpdateGradients(_memory, Job.Spec.Grid.Shards, rows, kind.LastBlockOnly ? Job.Layout.LastBlock() : null));
        }
    }

    private UpdateGradients Held(UpdateId update) => TryHeld(update) ?? throw new ComputeLostException($"no gradients of {update} are held.");

    private UpdateGradients? TryHeld(UpdateId update)
    {
        lock (_lock) { return (update.IsProbe ? _probe : _update) is { } current && current.Id == update ? current.Gradients : null; }
    }

    private SliceCopy Copy(int slice) => _copies.TryGetValue(slice, out var copy) ? copy : throw new ComputeLostException($"slice {slice} is not held by silo {_silo}.");

    private Task<T> OnSlice<T>(int slice, Func<SliceCopy, T> work)
    {
        var copy = Copy(slice);
        return LaneOf(slice, _ranges.Length).RunAsync(() => work(copy));
    }

    private Task<T> OnLane<T>(int shard, Func<ShardWorker, T> work) => OnLane(shard, (worker, _) => work(worker));

    private Task<T> OnLane<T>(int shard, Func<ShardWorker, PolicyMemory, T> work)
    {
        var lane = LaneOfShard(shard);
        return lane.RunAsync(() => work(_workers[lane.Index], MemoryOf(lane)));
    }

    /// <summary>Lanes take devices in turn; the first device has master weights, moments and sums of gradients.</summary>
    private PolicyMemory MemoryOf(ComputeLane lane) => lane.Index % (_replicas.Length + 1) is var device && device == 0 ? _memory : _replicas[device - 1];

    /// <summary>Contiguous ranges of this silo's shards share a lane. Which lane never changes bits.</summary>
    private ComputeLane LaneOfShard(int shard)
    {
        if (_placement is not { } plan || plan.Members.Length == 1) { return LaneOf(shard, Job.Spec.Grid.Shards); }
        int mine = 0, before = 0;
        for (int i = 0; i < plan.ShardMembers.Length; i++)
        {
            if (plan.SiloOfShard(i) != _silo) { continue; }
            mine++;
            if (i < shard) { before++; }
        }

        return LaneOf(Math.Min(before, Math.Max(mine - 1, 0)), Math.Max(mine, 1));
    }

    private ComputeLane LaneOf(int index, int count) => _lanes[(int)((long)index * _lanes.Length / count)];

    /// <summary>The gradients of one update, as far as shards here made them.</summary>
    private sealed record HeldUpdate(UpdateId Id, UpdateGradients Gradients);
}
