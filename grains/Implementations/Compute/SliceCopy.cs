using Ctwa.Training.Gradients;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Grains.Compute;

/// <summary>
/// A silo's copy of one slice: master weights and moments (ranges of the job's memory here), their version, what they were at the
/// last commit, and the gradients of the update under way. Primary and mirror are the same; every copy does the same arithmetic.
/// All members that touch tensors run on a compute lane.
/// </summary>
internal sealed class SliceCopy(PolicyMemory memory, SliceWorker worker) : IDisposable
{
    private readonly Dictionary<bool, (UpdateId Id, SliceGradients Gradients)> _gradients = [];
    private Tensor[]? _kept;
    private long _keptVersion = -1;
    private (UpdateId Id, double[] Values, ulong Hash)? _applied;

    /// <summary>Policy version of the weights and moments.</summary>
    public long Version { get; set; } = -1;

    public SliceWorker Worker => worker;

    public SliceRange Range => worker.Range;

    private IEnumerable<Tensor> State => ((Tensor[])[memory.Weights, memory.FirstMoment, memory.SecondMoment]).Select(vector => vector.narrow(0, Range.Start, Range.Length));

    /// <summary>Gradients of an update over this slice.</summary>
    /// <exception cref="ComputeLostException">They have not been collected here.</exception>
    public SliceGradients Gradients(UpdateId update) => TryGradients(update) ?? throw new ComputeLostException($"the gradients of {update} are not here.");

    /// <summary>The same; null if they have not been collected here.</summary>
    public SliceGradients? TryGradients(UpdateId update)
    {
        lock (_gradients) { return _gradients.TryGetValue(update.IsProbe, out var held) && held.Id == update ? held.Gradients : null; }
    }

    /// <summary>Keeps the gradients of an update, in place of the one before.</summary>
    public void Hold(UpdateId update, SliceGradients gradients)
    {
        lock (_gradients)
        {
            if (_gradients.TryGetValue(update.IsProbe, out var before)) { before.Gradients.Dispose(); }
            _gradients[update.IsProbe] = (update, gradients);
        }
    }

    /// <summary>Frees gradients.</summary>
    public void Drop(bool probe)
    {
        lock (_gradients)
        {
            if (_gradients.Remove(probe, out var held)) { held.Gradients.Dispose(); }
        }
    }

    /// <summary>One optimizer update; the answer of an update that is done already is given again.</summary>
    /// <param name="options">Of the update's stage.</param>
    /// <param name="update">The update.</param>
    /// <param name="version">Policy version after it.</param>
    /// <param name="committed">Policy version of the last commit.</param>
    /// <param name="keep">Keep the state of that version, to go back to it.</param>
    /// <exception cref="ComputeLostException">The copy is not of the version before.</exception>
    public (double[] Values, ulong Hash) Apply(OptimizerSpec options, OptimizerUpdate update, long version, long committed, bool keep)
    {
        if (_applied is { } done && done.Id == update.Id && Version == version) { return (done.Values, done.Hash); }
        if (Version != version - 1) { throw new ComputeLostException($"the slice is of version {Version}, and the update makes version {version}."); }
        if (keep && Version == committed) { Keep(); }
        double[] values = worker.Apply(Gradients(update.Id), options, update);
        Version = version;
        ulong hash = ComputeHash();
        _applied = (update.Id, values, hash);
        Drop(probe: false);
        return (values, hash);
    }

    /// <summary>Hash of the slice as models compute with it.</summary>
    public ulong ComputeHash()
    {
        if (Range.Length == 0) { return 0; }
        using var scope = NewDisposeScope();
        return TensorAddress.Hash(memory.Compute.narrow(0, Range.Start, Range.Length));
    }

    /// <summary>Goes back to a committed version and forgets unfinished updates.</summary>
    /// <returns>False: neither the present nor the kept state is of that version.</returns>
    public bool Settle(long version)
    {
        Drop(probe: false);
        Drop(probe: true);
        _applied = null;
        if (Version == version) { return true; }
        if (_keptVersion != version || _kept is null) { return false; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (now, then) in State.Zip(_kept)) { now.copy_(then); }
        Version = version;
        memory.Publish(Range);
        return true;
    }

    public void Dispose()
    {
        Drop(probe: false);
        Drop(probe: true);
        Forget();
    }

    /// <summary>Frees the kept state.</summary>
    public void Forget()
    {
        foreach (var tensor in _kept ?? []) { tensor.Dispose(); }
        (_kept, _keptVersion) = (null, -1);
    }

    private void Keep()
    {
        if (_keptVersion == Version || Range.Length == 0) { return; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _kept ??= [.. State.Select(part => empty_like(part).DetachFromDisposeScope())];
        foreach (var (kept, now) in _kept.Zip(State)) { kept.copy_(now); }
        _keptVersion = Version;
    }
}
