using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Coordination;

/// <summary>Checkpoints: one silo gathers what others hold, copies it, and writes.</summary>
internal sealed partial class GrainBackend
{
    private string? _writer;
    private Task _writing = Task.CompletedTask;

    /// <inheritdoc/>
    public async Task<SnapshotWriter> SnapshotAsync(bool copy, CancellationToken cancellationToken)
    {
        _phase.Begin("checkpoint");
        var plan = Placement;
        string silo = plan.Slices[0].Primary;
        long version = _version;
        ImmutableArray<string> sources = [.. plan.Slices.Select(slice => slice.Primary)];
        // Calls to grains belong on this grain's turns, wherever the files of a checkpoint are dealt with.
        var turns = TaskScheduler.Current;
        if (!copy) { return (folder, token) => OnTurns(() => OnMemberAsync(silo, new SaveWork(NextKey("save"), folder, version, sources), token), token); }
        var snapshot = new SnapshotWork(NextKey("snapshot"), version, sources);
        await OnMemberAsync(silo, snapshot, cancellationToken);
        return (folder, token) => OnTurns(() =>
        {
            var write = OnMemberAsync(silo, new WriteWork(NextKey("write"), snapshot.Key, folder), token);
            (_writer, _writing) = (silo, write);
            return write;
        }, token);

        Task OnTurns(Func<Task> work, CancellationToken token) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.None, turns).Unwrap().WaitAsync(token);
    }

    /// <summary>Before a silo is closed: a checkpoint that it writes would go with it.</summary>
    private Task LetWriteEndAsync(IEnumerable<string> silos, CancellationToken cancellationToken) =>
        _writer is { } writer && silos.Contains(writer) ? _writing.WaitAsync(cancellationToken) : Task.CompletedTask;
}
