using System.Diagnostics;
using System.Text.Json.Nodes;
using Ctwa.Training.Datasets;
using Ctwa.Training.Diagnostics;
using Ctwa.Training.Optimizers;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Runs;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;
using Ctwa.Training.Telemetry;

namespace Ctwa.Training.Steps;

/// <summary>
/// A run from its start or its last checkpoint to its end: the readable definition of what a step is. It orders the
/// work and does the arithmetic on scalars; tensors stay behind <see cref="ITrainingBackend"/>.
/// </summary>
/// <param name="job">What to do.</param>
/// <param name="computing">Who computes.</param>
/// <param name="run">Where everything is written.</param>
/// <param name="observer">Hears what happens.</param>
/// <param name="telemetry">Tells collectors of the job; null: nobody is told.</param>
public sealed partial class TrainingLoop(PreparedJob job, ITrainingBackend computing, RunDirectory run, ITrainingObserver observer, JobTelemetry? telemetry = null)
{
    private readonly MicroBatchLadder _backend = new(computing, job.Spec, run, observer.Warning);
    private readonly JobSpec _spec = job.Spec;
    private readonly HeldOutMeasurement _heldOut = new(job, computing, run, observer);
    private readonly LossCounter _losses = new();
    private readonly FaultRecord _faults = new(run, observer.Warning);
    private readonly CheckpointWriter _checkpoints = new(job, computing, run, observer, telemetry);
    private TensorBoardTracking? _tracking;
    private MetricsLine? _line;

    private string JobId => telemetry?.JobId ?? LabelText.Bounded(Path.GetFileName(run.Path));

    private string ReferencePath => Path.Combine(run.Path, "reference", "model.safetensors");

    /// <summary>Runs or continues the job.</summary>
    /// <param name="stop">Asks for a checkpoint at the next step boundary and a return.</param>
    /// <param name="cancellationToken">Ends the run where it is; the last checkpoint stays.</param>
    /// <exception cref="RewardFailureException">A reward failed and its policy is <c>fail</c>.</exception>
    /// <exception cref="NumericFailureException">A gradient is not finite.</exception>
    /// <exception cref="RunDirectoryException">The run directory cannot be written.</exception>
    /// <exception cref="RunFencedException">A later coordinator owns the run.</exception>
    public async Task<RunOutcome> RunAsync(CancellationToken stop, CancellationToken cancellationToken)
    {
        _tracking = _spec.Tracking.Tensorboard ? new TensorBoardTracking(run) : null;
        try
        {
            var outcome = await RunToItsEndAsync(stop, cancellationToken);
            if (outcome == RunOutcome.Finished) { _faults.Finished(run.CommittedState()); } else { _faults.Stopped(run.CommittedState()); }
            return outcome;
        }
        catch (Exception failure) when (failure is not (OperationCanceledException or RunFencedException))
        {
            _faults.Failed(run.CommittedState(), failure);
            throw;
        }
        finally
        {
            await _checkpoints.CloseAsync();
            if (_tracking is not null)
            {
                await _tracking.DisposeAsync();
                WarnOfTracking();
            }
        }
    }

    private void WarnOfTracking()
    {
        if (_tracking?.TakeFailure() is { } failure) { observer.Warning(failure); }
    }

    private async Task<RunOutcome> RunToItsEndAsync(CancellationToken stop, CancellationToken cancellationToken)
    {
        foreach (string warning in job.Warnings) { observer.Warning(warning); }
        if (job.DroppedPrompts > 0) { observer.Warning($"{job.DroppedPrompts} prompts are longer than data.max_prompt_tokens ({_spec.Data.MaxPromptTokens}) and are left out."); }

        var clock = Stopwatch.StartNew();
        bool takesOver = run.Epoch > 1;
        while (true)
        {
            try
            {
                return await GoOnAsync(takesOver, clock, stop, cancellationToken);
            }
            catch (Exception lost) when (lost is StateLostException or ComputeLostException)
            {
                _losses.Count(lost);
                // What is under way may still become the last checkpoint, and loading clears away what is not complete.
                await _checkpoints.CollectAsync(wait: true);
                telemetry?.Lose(toCheckpoint: true);
                observer.Warning($"{lost.Message} The run goes back to its last checkpoint.");
                _faults.RolledBack(run.CommittedState(), lost);
                takesOver = false;
            }
        }
    }

    /// <summary>From the last commit or checkpoint to the end.</summary>
    private async Task<RunOutcome> GoOnAsync(bool takesOver, Stopwatch clock, CancellationToken stop, CancellationToken cancellationToken)
    {
        var state = await StepTrace.RunAsync("load", async () => (takesOver ? await ContinueAsync(cancellationToken) : null) ?? await LoadAsync(cancellationToken));
        telemetry?.Baseline(state.Validation);
        if (state.PolicyVersion > 0) { telemetry?.Resume(); }
        _tracking?.Restart();
        RunOutcome? end = null;
        while (state.Stage == TrainingStage.Supervised && state.Step < job.Supervised!.Steps)
        {
            (state, end) = await StepTrace.StepAsync(JobId, state.Stage, state.Step + 1, () => DoSupervisedAsync(state, stop, cancellationToken));
            if (end is { } outcome) { return outcome; }
        }

        if (_spec.Kind == JobKind.Rl)
        {
            if (state.Stage == TrainingStage.Supervised) { state = await StepTrace.RunAsync("begin", () => DoAsync(state, BeginReinforcementAsync, cancellationToken)); }
            if (state is { Step: 0, Validation: null })
            {
                state = await StepTrace.RunAsync("baseline", () => DoAsync(state, _heldOut.BaselineAsync, cancellationToken));
                telemetry?.Baseline(state.Validation);
            }

            while (state.Step < _spec.Schedule.Steps)
            {
                (state, end) = await StepTrace.StepAsync(JobId, state.Stage, state.Step + 1, () => DoReinforcementAsync(state, stop, cancellationToken));
                if (end is { } outcome) { return outcome; }
            }
        }

        // A finished run that is resumed, or one without steps, still has its checkpoint and its report.
        if (_checkpoints.LastAt != (state.Stage, state.Step)) { await StepTrace.RunAsync("closing", () => CommitAsync(state, due: true, last: true, stopping: false, cancellationToken)); }
        await StepTrace.RunAsync("report", () => DoAsync(state, async (final, token) =>
        {
            await ReportAsync(final, clock.Elapsed, token);
            return final;
        }, cancellationToken));
        return RunOutcome.Finished;
    }

    /// <summary>A supervised step and its commit.</summary>
    private async Task<(TrainingRunState State, RunOutcome? End)> DoSupervisedAsync(TrainingRunState committed, CancellationToken stop, CancellationToken cancellationToken)
    {
        var state = await DoAsync(committed, SupervisedStepAsync, cancellationToken);
        bool last = state.Step == job.Supervised!.Steps;
        bool stopping = stop.IsCancellationRequested && !(last && _spec.Kind == JobKind.Sft);
        return (state, await CommitAsync(state, IsDue(state.Step, job.Supervised.CheckpointEvery), last, stopping, cancellationToken));
    }

    /// <summary>A step of reinforcement learning and its commit.</summary>
    private async Task<(TrainingRunState State, RunOutcome? End)> DoReinforcementAsync(TrainingRunState committed, CancellationToken stop, CancellationToken cancellationToken)
    {
        var state = await DoAsync(committed, ReinforcementStepAsync, cancellationToken);
        bool last = state.Step == _spec.Schedule.Steps;
        return (state, await CommitAsync(state, IsDue(state.Step, _spec.Schedule.CheckpointEvery), last, !last && stop.IsCancellationRequested, cancellationToken));
    }

    /// <summary>
    /// Does a piece of work that begins at a committed state; when somebody who computes for it is lost, the weights go back to
    /// that state and it is done again, with the same bits. Until it returns, it has written nothing that a second try would not replace.
    /// </summary>
    private async Task<TrainingRunState> DoAsync(TrainingRunState committed, Func<TrainingRunState, CancellationToken, Task<TrainingRunState>> work, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                var next = await StepTrace.RunAsync("attempt", async () =>
                {
                    await _backend.BeginStepAsync(committed.PolicyVersion, cancellationToken);
                    return await work(committed, cancellationToken);
                });
                _losses.Forget();
                return next;
            }
            catch (ComputeLostException lost)
            {
                _losses.Count(lost);
                telemetry?.Lose(toCheckpoint: false);
                observer.Warning($"{lost.Message} What follows {RunDirectory.StepName(committed.Stage, committed.Step)} is done again.");
                _faults.Redone(committed, lost);
                await StepTrace.RunAsync("recover", () => _backend.RecoverAsync(committed.PolicyVersion, cancellationToken));
            }
        }
    }

    /// <summary>The step's commit.</summary>
    /// <param name="state">What is committed.</param>
    /// <param name="due">A checkpoint is due.</param>
    /// <param name="last">It was the stage's last step: its checkpoint is complete before anything follows.</param>
    /// <param name="stopping">The run was asked to stop.</param>
    /// <param name="cancellationToken">Ends the run where it is.</param>
    /// <returns>Null: the loop goes on. It was asked to stop, and has its checkpoint; or it was handed over.</returns>
    private async Task<RunOutcome?> CommitAsync(TrainingRunState state, bool due, bool last, bool stopping, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var clock = Stopwatch.StartNew();
        using (StepTrace.Source.StartActivity("commit")) { run.CommitState(state); }
        if (Interlocked.Exchange(ref _line, null) is { } line) { telemetry?.Commit(state.Stage, state.Step, line, clock.Elapsed); }
        // Whoever goes on elsewhere starts from a checkpoint's records, also where it needs none of its weights.
        bool leaving = !stopping && _backend.IsLeaving;
        // Whoever leaves takes no write that is under way with it, and has a checkpoint.
        await _checkpoints.CollectAsync(wait: leaving);
        bool complete = last || stopping || _checkpoints.IsOwed || (leaving && (due || _checkpoints.Last is null));
        if (complete || due)
        {
            await StepTrace.RunAsync("checkpoint", () => DoAsync(state, async (same, token) =>
            {
                await (complete ? _checkpoints.WriteAsync(same, token) : _checkpoints.BeginAsync(same, token));
                return same;
            }, cancellationToken));
        }

        if (stopping) { return RunOutcome.Stopped; }
        if (!leaving) { return null; }
        bool handedOver = false;
        await StepTrace.RunAsync("hand over", () => DoAsync(state, async (same, token) =>
        {
            handedOver = await _backend.HandOverAsync(same.PolicyVersion, token);
            return same;
        }, cancellationToken));
        if (!handedOver) { return null; }
        run.FlushMetrics();
        observer.Message($"handed over after {RunDirectory.StepName(state.Stage, state.Step)}: this silo leaves");
        return RunOutcome.HandedOver;
    }

    private async Task ReportAsync(TrainingRunState state, TimeSpan elapsed, CancellationToken cancellationToken)
    {
        var summary = new JsonObject { ["name"] = _spec.Name, ["steps"] = state.Step, ["seconds"] = Math.Round(elapsed.TotalSeconds, 1), ["run_directory"] = run.Path, ["checkpoint"] = _checkpoints.Last };
        summary["model_sha256"] = CheckpointStore.Hash(Path.Combine(_checkpoints.Last!, PolicyFiles.WeightsFile(_spec)));
        using (var process = Process.GetCurrentProcess())
        {
            summary["peak_memory_bytes"] = process.PeakWorkingSet64;
            summary["estimated_memory_bytes"] = MemoryEstimate.Of(_spec, job.Config, _backend.Lanes).Total;
        }

        if (_spec.Kind == JobKind.Rl) { await _heldOut.AddReportAsync(state, summary, cancellationToken); }
        string json = summary.ToJsonString(StateJson.Lines);
        run.WriteSummary(json);
        observer.Summary(json);
    }

    private static bool IsDue(int step, int every) => every > 0 && step % every == 0;
}
