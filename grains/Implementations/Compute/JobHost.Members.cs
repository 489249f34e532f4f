using System.Collections.Concurrent;
using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Channel;
using Ctwa.Training.Gradients;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Steps;
using TorchSharp;

namespace Ctwa.Grains.Compute;

/// <summary>The silo's part in what silos do together: loading, collecting sums, handing over slices, publication.</summary>
public sealed partial class JobHost
{
    // Nodes of the tree on their way while one is added.
    private const int NodesAhead = 2;

    // The channel's own deadlines are shorter.
    private static readonly TimeSpan s_longestTransfer = TimeSpan.FromMinutes(2);

    private readonly string _silo;
    private readonly ConcurrentDictionary<int, ulong> _known = new();
    private readonly MemoryGate _gate = new();
    private JobPlacement? _placement;
    private long _placementEpoch;
    private ImmutableArray<MemberPlace> _leaving = [];
    private bool _hasBase;
    private bool _hasReference;

    /// <summary>Takes a place in a plan and loads everything from files.</summary>
    public Task<MemberResult> LoadAsync(LoadWork work) => AloneAsync(async () =>
    {
        Begin(work.Placement, work.Epoch, []);
        _rollouts.Clear();
        await OnMemoryAsync(memory => PolicyFiles.Load(Job, memory, work.Checkpoint, work.Reference));
        (_hasBase, _hasReference) = (true, work.Reference is not null);
        TakeSlices(work.Placement, work.Version);
    });

    /// <summary>Lets running work end, drops unfinished updates, and brings slices back to a committed version; those that cannot are given up.</summary>
    public Task<MemberResult> SettleAsync(long version) => AloneAsync(async () =>
    {
        DropUpdates();
        foreach (var (slice, copy) in _copies)
        {
            if (await LaneOf(slice, _ranges.Length).RunAsync(() => copy.Settle(version))) { continue; }
            _copies.TryRemove(slice, out _);
            copy.Dispose();
        }

        Attempt = new object();
    });

    /// <summary>Takes a place in a new plan: what it gives and is not here comes from other silos; what it takes away is freed.</summary>
    public async Task<MemberResult> AdoptAsync(AdoptWork work)
    {
        using var pass = _gate.Enter();
        var cancellationToken = pass.Closing;
        Begin(work.Placement, work.Epoch, work.Leaving);
        var first = Enumerable.Range(0, work.Sources.Length).Select(slice => work.Sources[slice]).FirstOrDefault(silo => silo != _silo);
        if (_memory.Base is { } frozen && !_hasBase)
        {
            if (first is not null) { await PullAsync(first, new TensorId { Kind = TensorKind.Base }, frozen, cancellationToken); }
            _hasBase = true;
        }

        if (work.ReferenceFrom is { } keeper && !_hasReference)
        {
            await PullAsync(keeper, new TensorId { Kind = TensorKind.Reference }, await _lanes[0].RunAsync(_memory.EnsureReference), cancellationToken);
            _hasReference = true;
        }

        for (int slice = 0; slice < _ranges.Length; slice++)
        {
            if (!work.Placement.Slices[slice].Holders.Contains(_silo))
            {
                if (_copies.TryRemove(slice, out var gone)) { gone.Dispose(); }
                continue;
            }

            if (_copies.TryGetValue(slice, out var held) && held.Version == work.Version) { continue; }
            var copy = NewCopy(slice);
            await PullSliceAsync(slice, work.Sources[slice], work.Version, weights: true, cancellationToken);
            await LaneOf(slice, _ranges.Length).RunAsync(() => _memory.Publish(copy.Range));
            cancellationToken.ThrowIfCancellationRequested();
            copy.Version = work.Version;
            _copies[slice] = copy;
        }

        return await DescribeAsync(withHashes: true);
    }

    /// <summary>Gets what others hold of the weights that models compute with, where it is not here already.</summary>
    public async Task<MemberResult> PublishAsync(PublishWork work)
    {
        using var pass = _gate.Enter();
        var cancellationToken = pass.Closing;
        // From the slice after its own on: not all silos ask the holder of the first one at once.
        int own = Enumerable.Range(0, _ranges.Length).FirstOrDefault(_copies.ContainsKey);
        for (int turn = 1; turn <= _ranges.Length; turn++)
        {
            int slice = (own + turn) % _ranges.Length;
            var range = _ranges[slice];
            var (silo, hash) = (work.Slices[slice].Silo, work.Slices[slice].Hash);
            if (range.Length == 0 || _copies.ContainsKey(slice)) { continue; }
            if (work.Verify) { _known[slice] = await HashAsync(slice); }
            if (_known.TryGetValue(slice, out ulong known) && known == hash) { continue; }
            await PullAsync(silo, new TensorId { Kind = TensorKind.Compute, First = slice, Version = work.Version }, Part(_memory.Compute, range), cancellationToken);
            ulong got = await HashAsync(slice);
            if (got != hash) { throw new ComputeLostException($"slice {slice} of version {work.Version} came as {got:x16} from silo {silo}, which said {hash:x16}."); }
            _known[slice] = got;
            if (!work.Verify) { await LaneOf(slice, _ranges.Length).RunAsync(() => CopyToReplicas(range)); }
        }

        if (work.Verify)
        {
            await OnMemoryAsync(memory =>
            {
                foreach (var replica in _replicas) { replica.CopyFrom(memory); }
            }, changes: false);
        }

        return await DescribeAsync(withHashes: false);
    }

    /// <summary>Forgets the optimizer's moments.</summary>
    public async Task ResetAsync()
    {
        using var pass = _gate.Enter();
        await OnMemoryAsync(PolicyFiles.ResetOptimizer, changes: false);
    }

    /// <summary>Freezes the present weights as reference policy; writes them, if this is the silo to do it.</summary>
    public async Task FreezeAsync(string? path)
    {
        using var pass = _gate.Enter();
        await OnMemoryAsync(memory => PolicyFiles.FreezeReference(Job, memory, path));
        _hasReference = true;
    }

    /// <summary>Takes the canonical sums of an update over a slice; see <see cref="CollectWork"/>.</summary>
    public async Task CollectAsync(int slice, UpdateId update, CollectWork work)
    {
        using var pass = _gate.Enter();
        var cancellationToken = pass.Closing;
        var copy = Copy(slice);
        if (copy.TryGradients(update) is not null) { return; }
        var covered = work.LastBlockOnly ? SliceGradients.Intersect(copy.Range, Job.Layout.LastBlock()) : copy.Range;
        var lane = LaneOf(slice, _ranges.Length);
        if (work.From is null && work.Nodes is [var whole] && whole.Silo == _silo)
        {
            await lane.RunAsync(() => copy.Hold(update, SliceGradients.ViewOf(Held(update), copy.Range, rememberWeights: update.IsProbe)));
            return;
        }

        var rows = new Tensor?[work.Rows];
        try
        {
            for (int row = 0; row < rows.Length; row++)
            {
                if (covered.Length == 0) { rows[row] = await lane.RunAsync(() => _memory.RentGradient(0)); }
                else if (work.From is { } primary)
                {
                    rows[row] = await lane.RunAsync(() => _memory.RentGradient(covered.Length));
                    await PullAsync(primary, IdOf(TensorKind.SliceSum, update) with { Row = row, First = slice }, rows[row]!, cancellationToken);
                }
                else { rows[row] = await SumAsync(lane, update, row, slice, covered, work, cancellationToken); }
            }

            await lane.RunAsync(() => copy.Hold(update, new SliceGradients(_memory, copy.Range, covered, rows!, rememberWeights: update.IsProbe)));
        }
        catch
        {
            foreach (var row in rows)
            {
                if (row is not null) { _memory.ReturnGradient(row); }
            }

            throw;
        }
    }

    /// <summary>A row's sum over all shards, over a range of the parameters: nodes in turn, each slice beginning with another one, added in the canonical tree.</summary>
    private async Task<Tensor> SumAsync(ComputeLane lane, UpdateId update, int row, int slice, SliceRange covered, CollectWork work, CancellationToken cancellationToken)
    {
        var buffers = new Tensor?[Job.Spec.Grid.Shards];
        var tree = new CanonicalTreeSum(
            buffers.Length,
            (left, right) => SliceGradients.Add(buffers[left]!, buffers[right]!),
            shard =>
            {
                _memory.ReturnGradient(buffers[shard]!);
                buffers[shard] = null;
            });
        long offset = covered.Start - (work.LastBlockOnly ? Job.Layout.LastBlock().Start : 0);
        var coming = new Queue<(GradientNode Node, Tensor Buffer, Task Arrival)>();
        try
        {
            // From the node after its own on: not all silos ask the one with the leftmost node at once. The tree adds in its own order.
            int own = work.Nodes.ToList().FindLastIndex(node => node.Silo == _silo), first = own >= 0 ? own + 1 : (int)((long)slice * work.Nodes.Length / _ranges.Length);
            for (int turn = 0; turn < work.Nodes.Length; turn++)
            {
                var node = work.Nodes[(first + turn) % work.Nodes.Length];
                var buffer = await lane.RunAsync(() => _memory.RentGradient(covered.Length));
                coming.Enqueue((node, buffer, FetchAsync(node, buffer)));
                if (coming.Count > NodesAhead) { await TakeAsync(); }
            }

            while (coming.Count > 0) { await TakeAsync(); }
            return buffers[0]!;
        }
        catch
        {
            foreach (var (_, buffer, arrival) in coming)
            {
                await arrival.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                _memory.ReturnGradient(buffer);
            }

            foreach (var buffer in buffers)
            {
                if (buffer is not null) { _memory.ReturnGradient(buffer); }
            }

            throw;
        }

        async Task TakeAsync()
        {
            var (node, buffer, arrival) = coming.Peek();
            await arrival;
            coming.Dequeue();
            buffers[node.First] = buffer;
            await lane.RunAsync(() => tree.Offer(node.First, node.Count));
        }

        Task FetchAsync(GradientNode node, Tensor buffer) => node.Silo == _silo
            ? lane.RunAsync(() => Copy(buffer, Held(update).Node(row, node.First, node.Count) ?? throw new ComputeLostException($"the gradient of shards {node.First}..{node.First + node.Count - 1} is not here."), new SliceRange(offset, covered.Length)))
            : PullAsync(node.Silo, IdOf(TensorKind.Gradient, update) with { Row = row, First = node.First, Count = node.Count }, buffer, cancellationToken, offset);
    }

    private void Begin(JobPlacement placement, long epoch, ImmutableArray<MemberPlace> leaving)
    {
        // A message that was on its way for long.
        if (_placement is { } now && (epoch, placement.Generation).CompareTo((_placementEpoch, now.Generation)) < 0) { throw new ComputeLostException($"plan {placement.Generation} has been replaced by plan {now.Generation}."); }
        _placementEpoch = epoch;
        DropUpdates();
        _leaving = leaving;
        _placement = placement;
        _known.Clear();
        Attempt = new object();
    }

    private void TakeSlices(JobPlacement placement, long version)
    {
        foreach (var copy in _copies.Values) { copy.Dispose(); }
        _copies.Clear();
        for (int slice = 0; slice < _ranges.Length; slice++)
        {
            if (!placement.Slices[slice].Holders.Contains(_silo)) { continue; }
            _copies[slice] = NewCopy(slice);
            _copies[slice].Version = version;
        }
    }

    private SliceCopy NewCopy(int slice) => new(_memory, new SliceWorker(_memory, _ranges[slice], Job.Layout.LastBlock()) { TailLearningRate = (Job.Spec.Loss.Value ?? new()).LearningRate });

    private void DropUpdates()
    {
        lock (_lock)
        {
            foreach (var copy in _copies.Values)
            {
                copy.Drop(probe: false);
                copy.Drop(probe: true);
            }

            _update?.Gradients.Dispose();
            _probe?.Gradients.Dispose();
            (_update, _probe) = (null, null);
        }
    }

    /// <summary>Changes the memory with nobody else in it: transfers have ended, and lanes, which work in order, have done what they were given.</summary>
    private async Task<MemberResult> AloneAsync(Func<Task> change)
    {
        await _gate.CloseAsync(s_longestTransfer);
        try
        {
            await Task.WhenAll(_lanes.Select(lane => lane.RunAsync(() => { })));
            await change();
            return await DescribeAsync(withHashes: false);
        }
        finally
        {
            _gate.Open();
        }
    }

    private async Task<MemberResult> DescribeAsync(bool withHashes)
    {
        int[] slices = [.. _copies.Keys.Order()];
        var hashes = ImmutableArray.CreateBuilder<ulong>();
        foreach (int slice in withHashes ? slices : []) { hashes.Add(await OnSlice(slice, copy => copy.ComputeHash())); }
        return new MemberResult([.. slices], hashes.ToImmutable(), _hasReference, Lanes, System.Text.Json.JsonSerializer.Serialize(Fingerprint));
    }

    private Task<ulong> HashAsync(int slice) => LaneOf(slice, _ranges.Length).RunAsync(() =>
    {
        using var part = Part(_memory.Compute, _ranges[slice]);
        return TensorAddress.Hash(part);
    });

    /// <summary>Runs work on the whole memory, on the first lane.</summary>
    private Task OnMemoryAsync(Action<PolicyMemory> work, bool changes = true) => _lanes[0].RunAsync(() =>
    {
        work(_memory);
        if (!changes) { return; }
        foreach (var replica in _replicas) { replica.CopyFrom(_memory); }
    });

    private void CopyToReplicas(SliceRange range)
    {
        foreach (var replica in _replicas) { replica.CopyFrom(_memory, range); }
    }

    private static Tensor Part(Tensor vector, SliceRange range) => vector.narrow(0, range.Start, range.Length).DetachFromDisposeScope();

    private static void Copy(Tensor target, Tensor source, SliceRange range)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        target.copy_(source.narrow(0, range.Start, range.Length));
    }
}
