using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Compute;

/// <summary>The silo's part in checkpoints.</summary>
public sealed partial class JobHost
{
    private readonly SemaphoreSlim _copying = new(1, 1);
    private PolicySnapshot? _snapshot;
    private SnapshotCopy? _copy;

    /// <summary>Gathers the slices that others hold and writes a checkpoint's files.</summary>
    public async Task SaveAsync(SaveWork work)
    {
        using var pass = _gate.Enter();
        await GatherSlicesAsync(work.Version, work.Sources, pass.Closing);
        await OnMemoryAsync(memory => PolicyFiles.Save(Job, memory.Vectors, work.Folder), changes: false);
    }

    /// <summary>Gathers the slices that others hold and copies all of them.</summary>
    public async Task SnapshotAsync(SnapshotWork work)
    {
        using var pass = _gate.Enter();
        await _copying.WaitAsync(pass.Closing);
        try
        {
            if (_copy?.Key == work.Key) { return; }
            // A coordinator waits for its last write; one that has been replaced may have left one under way.
            if (_copy?.Write is { } earlier) { await Task.WhenAny(earlier, Task.Delay(s_longestTransfer, pass.Closing)); }
            if (_copy?.Write is { IsCompleted: false }) { throw new ComputeLostException("the silo is still writing an earlier checkpoint."); }
            _copy = null;
            await GatherSlicesAsync(work.Version, work.Sources, pass.Closing);
            await OnMemoryAsync(memory => (_snapshot ??= new PolicySnapshot(memory)).CopyFrom(memory), changes: false);
            _copy = new SnapshotCopy(work.Key);
        }
        finally
        {
            _copying.Release();
        }
    }

    /// <summary>Writes a checkpoint's files from a copy, on no lane and past the gate: neither is what it reads the job's memory, nor has it to end with it.</summary>
    /// <exception cref="ComputeLostException">The copy is not here.</exception>
    public Task WriteAsync(WriteWork work)
    {
        var copy = _copy;
        if (copy?.Key != work.Snapshot) { throw new ComputeLostException($"the copy {work.Snapshot} of the weights is not here."); }
        // Asked for twice, it is done once.
        lock (copy)
        {
            if (copy.IsDropped) { throw new ComputeLostException("the silo frees the job."); }
            return copy.Write ??= Task.Run(() => PolicyFiles.Save(Job, _snapshot!.Vectors, work.Folder));
        }
    }

    private async Task GatherSlicesAsync(long version, ImmutableArray<string> sources, CancellationToken cancellationToken)
    {
        for (int slice = 0; slice < _ranges.Length; slice++)
        {
            // Where models compute with the master weights themselves, those of all slices are here.
            if (!_copies.ContainsKey(slice)) { await PullSliceAsync(slice, sources[slice], version, weights: !ReferenceEquals(_memory.Compute, _memory.Weights), cancellationToken); }
        }
    }

    /// <summary>Frees the copy as soon as nothing is written from it any more.</summary>
    private void DropSnapshot()
    {
        if (_copy is { } copy)
        {
            lock (copy) { copy.IsDropped = true; }
        }

        if (_copy?.Write is { IsCompleted: false } write) { write.ContinueWith(_ => _snapshot?.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default); }
        else { _snapshot?.Dispose(); }
    }

    /// <summary>What the copy holds, and its way to the disk.</summary>
    private sealed class SnapshotCopy(string key)
    {
        public string Key => key;

        public Task? Write { get; set; }

        public bool IsDropped { get; set; }
    }
}
