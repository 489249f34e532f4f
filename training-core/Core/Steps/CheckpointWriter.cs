using System.Diagnostics;
using Ctwa.Training.Runs;
using Ctwa.Training.Telemetry;

namespace Ctwa.Training.Steps;

/// <summary>
/// Writes a run's checkpoints beside its steps. At a step's boundary the backend takes a copy; files, syncing, hashes, the rename and
/// the pruning of older checkpoints follow in the background, for one checkpoint at a time: the next one waits. What came of a write
/// is told, and thrown, at a boundary too, so whoever listens hears one thing after the other; see docs/decisions/0011.
/// </summary>
/// <param name="job">The job.</param>
/// <param name="backend">Has the weights.</param>
/// <param name="run">Where they go.</param>
/// <param name="observer">Hears of complete checkpoints.</param>
/// <param name="telemetry">Likewise; null: nobody is told.</param>
internal sealed class CheckpointWriter(PreparedJob job, ITrainingBackend backend, RunDirectory run, ITrainingObserver observer, JobTelemetry? telemetry)
{
    private TimeSpan _waited;
    private (Task<string> Write, TrainingRunState State)? _pending;

    /// <summary>The last complete checkpoint; null if there is none.</summary>
    public string? Last { get; private set; }

    /// <summary>Its step.</summary>
    public (TrainingStage Stage, int Step)? LastAt { get; private set; }

    /// <summary>A checkpoint was lost with the silo that wrote it: one is to be written at the next boundary, and waited for.</summary>
    public bool IsOwed { get; private set; }

    /// <summary>The run goes on from a checkpoint, or from its beginning.</summary>
    public void GoOnFrom(string? path, TrainingRunState? state)
    {
        Last = path;
        LastAt = state is null ? null : (state.Stage, state.Step);
        IsOwed = false;
    }

    /// <summary>Copies the weights and has them written beside the steps that follow.</summary>
    /// <param name="state">Committed state that they belong to.</param>
    /// <param name="cancellationToken">Gives the write up, too.</param>
    public async Task BeginAsync(TrainingRunState state, CancellationToken cancellationToken)
    {
        await CollectAsync(wait: true);
        if (IsOwed)
        {
            await WriteAsync(state, cancellationToken);
            return;
        }

        var clock = Stopwatch.StartNew();
        await StartAsync(state, copy: true, cancellationToken);
        _waited += clock.Elapsed;
    }

    /// <summary>Writes a checkpoint and waits until it is complete; nothing is copied.</summary>
    /// <exception cref="ComputeLostException">Somebody who computes was lost; it is not written.</exception>
    public async Task WriteAsync(TrainingRunState state, CancellationToken cancellationToken)
    {
        await CollectAsync(wait: true);
        await StartAsync(state, copy: false, cancellationToken);
        var (write, _) = _pending!.Value;
        try
        {
            await WaitAsync(write);
        }
        catch
        {
            _pending = null;
            throw;
        }

        await CollectAsync(wait: true);
    }

    /// <summary>Announces a write that has ended, or throws what it failed with.</summary>
    /// <param name="wait">Wait for one that is under way.</param>
    /// <exception cref="RunDirectoryException">The disk is full or not writable; earlier checkpoints are untouched.</exception>
    /// <exception cref="NumericFailureException">A weight is not finite.</exception>
    /// <exception cref="RunFencedException">A later coordinator owns the run; nothing was written.</exception>
    public async Task CollectAsync(bool wait)
    {
        if (_pending is not var (write, state) || (!wait && !write.IsCompleted)) { return; }
        try
        {
            Last = await WaitAsync(write);
            LastAt = (state.Stage, state.Step);
            IsOwed = false;
        }
        catch (ComputeLostException lost)
        {
            IsOwed = true;
            observer.Warning($"{lost.Message} With it went the checkpoint of {RunDirectory.StepName(state.Stage, state.Step)}; the next step's end has one instead.");
            return;
        }
        finally
        {
            _pending = null;
        }

        telemetry?.Checkpoint(_waited, new DirectoryInfo(Last).EnumerateFiles().Sum(file => file.Length));
        _waited = TimeSpan.Zero;
        observer.Checkpoint(state.Stage, state.Step, Last);
    }

    /// <summary>The run ends with an error: a write that is under way is let finish, since the run directory is given up after it. Its own failure is only told.</summary>
    public async Task CloseAsync()
    {
        try
        {
            await CollectAsync(wait: true);
        }
        catch (Exception failure) when (failure is RunFencedException or OperationCanceledException)
        {
            // The run is another coordinator's now, or was given up; either way its checkpoints are whole.
        }
        catch (Exception failure)
        {
            // Whatever it is, what ended the run comes first.
            observer.Warning(failure.Message);
        }
    }

    private async Task StartAsync(TrainingRunState state, bool copy, CancellationToken cancellationToken)
    {
        var snapshot = await backend.SnapshotAsync(copy, cancellationToken);
        var fingerprint = backend.Fingerprint;
        // Off the thread or turn that computes, from the first file on.
        _pending = (Task.Run(() => WriteFilesAsync(state, snapshot, fingerprint, cancellationToken), CancellationToken.None), state);
    }

    private async Task<string> WriteFilesAsync(TrainingRunState state, SnapshotWriter snapshot, NumericFingerprint fingerprint, CancellationToken cancellationToken)
    {
        // A checkpoint must not survive a power failure without the metrics before it.
        run.FlushMetrics();
        string path = await run.Checkpoints.WriteAsync(
            state,
            async folder =>
            {
                await snapshot(folder, cancellationToken);
                CheckpointOrigin.WriteTo(folder, job.Spec, fingerprint);
                DataFingerprints.WriteTo(folder, job.DataFiles);
            },
            job.Spec.Schedule.Keep);
        run.PruneScores();
        return path;
    }

    private async Task<string> WaitAsync(Task<string> write)
    {
        var clock = Stopwatch.StartNew();
        await backend.WaitForAsync(write);
        _waited += clock.Elapsed;
        return await write;
    }
}
