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

/// <summary>How a run ended.</summary>
public enum RunOutcome
{
    /// <summary>All steps are done.</summary>
    Finished,

    /// <summary>On request, with a checkpoint.</summary>
    Stopped,

    /// <summary>At a commit: another loop goes on after it with those who compute, and does no step again.</summary>
    HandedOver,
}

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
    private TensorBoardTracking? _tracking;
    private string? _lastCheckpoint;
    private (TrainingStage Stage, int Step)? _lastCheckpointAt;
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
            if (_tracking is not null) { await _tracking.DisposeAsync(); }
        }
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
        if (_lastCheckpointAt != (state.Stage, state.Step)) { await StepTrace.RunAsync("closing", () => CommitAsync(state, checkpoint: true, stopping: false, cancellationToken)); }
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
        return (state, await CommitAsync(state, last || IsDue(state.Step, job.Supervised.CheckpointEvery), stopping, cancellationToken));
    }

    /// <summary>A step of reinforcement learning and its commit.</summary>
    private async Task<(TrainingRunState State, RunOutcome? End)> DoReinforcementAsync(TrainingRunState committed, CancellationToken stop, CancellationToken cancellationToken)
    {
        var state = await DoAsync(committed, ReinforcementStepAsync, cancellationToken);
        bool last = state.Step == _spec.Schedule.Steps;
        return (state, await CommitAsync(state, last || IsDue(state.Step, _spec.Schedule.CheckpointEvery), !last && stop.IsCancellationRequested, cancellationToken));
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

    /// <summary>One step of reinforcement learning; see docs/architecture.md for the same in a picture.</summary>
    private async Task<TrainingRunState> ReinforcementStepAsync(TrainingRunState state, CancellationToken cancellationToken)
    {
        using var timer = new PhaseTimer("generate");
        int step = state.Step + 1;

        // Plan: which prompts, on which shard, in which update.
        var plan = job.TrainingPlan;
        var (rows, cursor) = job.Order.Next(state.Cursor, plan.Prompts);
        var request = new RolloutRequest(new RolloutId(RandomPurpose.Sampling, step), plan, [.. rows.Select(row => job.TrainIndices[row])], Sampling(step));

        // Generate: completions stay on their shards; lengths come back.
        var completions = await _backend.GenerateAsync(request, cancellationToken);
        int[] lengths = [.. completions.Select(completion => completion.Length)];
        timer.Lap("generate", next: "score");

        // Score: recorded before use.
        var context = new RewardContext(state.Lengths.ThresholdFor(lengths));
        var scores = await _heldOut.ScoreAsync(request.Id, completions, context, cancellationToken);
        var greedy = _spec.Advantage.Estimator == AdvantageEstimator.Remax ? await GreedyAsync(request, context, cancellationToken) : null;
        timer.Lap("score", next: "update");

        // Weigh, accumulate, solve, reduce, apply: scores become advantages, advantages gradients, once per optimizer update.
        var signals = new StepSignals
        {
            Step = step,
            Scores = scores.Scores,
            Groups = Groups(plan.Prompts, request.Sampling.SamplesPerPrompt),
            Lengths = lengths,
            Valid = scores.Valid,
            LearningRate = LearningRate.At(_spec.Optimizer, state.Updates, job.TotalUpdates),
        };
        var passes = new PassCounter(state.Diagnostics.ForwardPasses, state.Diagnostics.BackwardPasses);
        var policyStep = new PolicyStep(job, _backend, (id, done) => ApplyAsync(id, done, job.TotalUpdates, lossScale: 1, cancellationToken), passes);
        var result = await policyStep.RunAsync(request, signals, greedy, state, cancellationToken);
        var updates = result.Updates;
        timer.Lap("update", next: "observe");

        // Observe: the method's next state and the diagnostics.
        double[] signal = result.Signal.TrainingSignal(result.Coefficients);
        var (observation, realised) = await ObserveAsync(request.Id, signals, signal, result, passes, cancellationToken);
        var diagnostics = StepDiagnostics.Compute(signals, signal);
        timer.Lap("observe");

        var next = state with
        {
            Step = step,
            Updates = state.Updates + updates.Count,
            PolicyVersion = state.PolicyVersion + updates.Count,
            Cursor = cursor,
            Scalarizer = observation.State,
            Coefficients = result.LastCoefficients,
            RewardKl = result.Penalty is { } penalty && double.IsFinite(penalty.Mean) ? state.RewardKl!.Next(_spec.RewardKl!, penalty.Mean, signals.Valid.Count(valid => valid)) : state.RewardKl,
            Diagnostics = state.Diagnostics.Step(diagnostics.WithinPrompt.Covariance, result.PredictedByGradient, realised, passes.Forward, passes.Backward),
            Lengths = state.Lengths.Next(lengths),
            CovarianceSums = [.. state.CovarianceSums.Zip(diagnostics.WithinPrompt.Covariance, (sum, covariance) => sum + (double.IsFinite(covariance) ? covariance : 0))],
        };

        var line = new MetricsLine(TrainingStage.Rl, step, _spec.Schedule.Steps);
        line.AddStep(_spec.Objectives, scores, result.Coefficients, diagnostics, observation, completions);
        line.AddUpdates(updates);
        line.AddEstimation(_spec.Objectives, result.Penalty, greedy, job.HasValueHead, updates);
        line.AddImprovement(_spec.Objectives, diagnostics, result, realised, next.Diagnostics);
        line.Add("response/length/threshold", context.ReferenceLength);
        await WriteSamplesAsync(request.Id, step, scores, cancellationToken);
        await _backend.ReleaseAsync(request.Id, cancellationToken);
        if (IsDue(step, _spec.Schedule.ValidateEvery) || (step == _spec.Schedule.Steps && _spec.Schedule.ValidateEvery > 0))
        {
            timer.Enter("validate");
            next = await _heldOut.ValidateAsync(next, line, cancellationToken);
            timer.Lap("validate");
        }

        line.AddTimes(timer, lengths.Sum());
        Publish(TrainingStage.Rl, line);
        return next;
    }

    /// <summary>The likeliest completion of each of the step's prompts, scored by the same yardstick: ReMax's baseline.</summary>
    private async Task<GreedyScores> GreedyAsync(RolloutRequest request, RewardContext context, CancellationToken cancellationToken)
    {
        var sampling = request.Sampling with { Purpose = RandomPurpose.GreedyBaseline, Temperature = 0, SamplesPerPrompt = 1 };
        var greedy = request with { Id = new RolloutId(RandomPurpose.GreedyBaseline, request.Id.Step), Sampling = sampling };
        var completions = await _backend.GenerateAsync(greedy, cancellationToken);
        var scores = await _heldOut.ScoreAsync(greedy.Id, completions, context, cancellationToken);
        await _backend.ReleaseAsync(greedy.Id, cancellationToken);
        return new GreedyScores(scores.Scores, scores.Valid, [.. completions.Select(completion => completion.Length)]);
    }

    private async Task<(Observation Observation, RealisedImprovement? Realised)> ObserveAsync(RolloutId rollout, StepSignals signals, double[] signal, PolicyStepResult result, PassCounter passes, CancellationToken cancellationToken)
    {
        // A step whose samples were all dropped by failing rewards leaves the method as it is.
        if (!signals.Valid.Contains(true)) { return (new Observation(result.Scalarizer, new Dictionary<string, double[]>()), null); }
        bool required = job.Scalarizer!.Requires.HasFlag(ScalarizerSignals.PostUpdateRatios), due = IsDue(signals.Step, _spec.Diagnostics.RealisedEvery);
        PostUpdateMeasurement[]? measured = null;
        if (required || due)
        {
            measured = await _backend.MeasureAsync(rollout, signal, fromReference: false, cancellationToken);
            passes.Add(forward: 1, backward: 0);
        }

        double[]? postUpdate = required ? [.. measured!.Select((one, b) => signals.Valid[b] ? one.Clipped : 0)] : null;
        var observation = job.Scalarizer.Observe(new StepOutcome { Signals = result.Signals, TrainingSignal = signal, PostUpdate = postUpdate }, result.Scalarizer);
        return (observation, due ? RealisedImprovement.Compute(signals, measured!, result.Coefficients) : null);
    }

    /// <summary>One supervised step: teacher-forced cross-entropy, mean over the batch's response tokens.</summary>
    private async Task<TrainingRunState> SupervisedStepAsync(TrainingRunState state, CancellationToken cancellationToken)
    {
        using var timer = new PhaseTimer("update");
        var stage = job.Supervised!;
        int step = state.Step + 1;
        var id = new UpdateId(TrainingStage.Supervised, step, 0);
        var sums = await _backend.AccumulateSupervisedAsync(new SupervisedUpdate(id, StepPlan.Single(stage.BatchSize, _spec.Grid.Shards), stage.MicroBatchSize), cancellationToken);

        // Shards add up losses per token; the division by the batch's token count is part of the gradient's scale.
        var applied = await ApplyAsync(id, state.Updates, stage.Steps, lossScale: 1.0 / sums.Tokens, cancellationToken);
        var line = new MetricsLine(TrainingStage.Supervised, step, stage.Steps);
        line.Add("loss/supervised", sums.Loss / sums.Tokens);
        line.Add("gradient/norm", applied.Norm);
        line.Add("learning_rate", applied.LearningRate);
        timer.Lap("update");
        line.AddTimes(timer, sums.Tokens);
        Publish(TrainingStage.Supervised, line);
        return state with { Step = step, Updates = state.Updates + 1, PolicyVersion = state.PolicyVersion + 1 };
    }

    /// <summary>Reduces an update's gradient, clips it by its norm, and runs the optimizer.</summary>
    private async Task<AppliedUpdate> ApplyAsync(UpdateId id, long done, long total, double lossScale, CancellationToken cancellationToken)
    {
        var options = job.OptimizerOf(id.Stage);
        double norm = Math.Sqrt(await _backend.ReduceAsync(id, cancellationToken)) * lossScale;
        if (!double.IsFinite(norm))
        {
            string last = _lastCheckpoint is null ? "" : $"; the last checkpoint, {_lastCheckpoint}, is sound and can be its model.path";
            throw new NumericFailureException($"the gradient of {id.Stage.ToString().ToLowerInvariant()} step {id.Step} is not finite. Lower the stage's optimizer.learning_rate or set its optimizer.grad_clip in a new run{last}.");
        }

        double scale = options.GradClip > 0 ? Gradients.GradientClipper.Scale(norm, options.GradClip) : 1;
        double learningRate = LearningRate.At(options, done, total);
        double[] products = await _backend.ApplyAsync(new OptimizerUpdate(id, scale * lossScale, learningRate, done + 1), cancellationToken);
        return new AppliedUpdate(norm, scale, learningRate, products);
    }

    /// <summary>The step's commit.</summary>
    /// <returns>Null: the loop goes on. It was asked to stop, and has its checkpoint; or it was handed over.</returns>
    private async Task<RunOutcome?> CommitAsync(TrainingRunState state, bool checkpoint, bool stopping, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var clock = Stopwatch.StartNew();
        using (StepTrace.Source.StartActivity("commit")) { run.CommitState(state); }
        if (Interlocked.Exchange(ref _line, null) is { } line) { telemetry?.Commit(state.Stage, state.Step, line, clock.Elapsed); }
        // Whoever goes on elsewhere starts from a checkpoint's records, also where it needs none of its weights.
        bool leaving = !stopping && _backend.IsLeaving;
        if (checkpoint || stopping || (leaving && _lastCheckpoint is null)) { await StepTrace.RunAsync("checkpoint", () => DoAsync(state, WriteCheckpointAsync, cancellationToken)); }
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

    private async Task<TrainingRunState> WriteCheckpointAsync(TrainingRunState state, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        run.FlushMetrics();
        async Task WriteFiles(string folder)
        {
            await _backend.SaveAsync(folder, cancellationToken);
            CheckpointOrigin.WriteTo(folder, _spec, _backend.Fingerprint);
            DataFingerprints.WriteTo(folder, job.DataFiles);
        }

        _lastCheckpoint = await run.Checkpoints.WriteAsync(state, WriteFiles, _spec.Schedule.Keep);
        _lastCheckpointAt = (state.Stage, state.Step);
        run.PruneScores();
        telemetry?.Checkpoint(clock.Elapsed, new DirectoryInfo(_lastCheckpoint).EnumerateFiles().Sum(file => file.Length));
        observer.Checkpoint(state.Stage, state.Step, _lastCheckpoint);
        return state;
    }

    private async Task ReportAsync(TrainingRunState state, TimeSpan elapsed, CancellationToken cancellationToken)
    {
        var summary = new JsonObject { ["name"] = _spec.Name, ["steps"] = state.Step, ["seconds"] = Math.Round(elapsed.TotalSeconds, 1), ["run_directory"] = run.Path, ["checkpoint"] = _lastCheckpoint };
        summary["model_sha256"] = CheckpointStore.Hash(Path.Combine(_lastCheckpoint!, PolicyFiles.WeightsFile(_spec)));
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

    private async Task WriteSamplesAsync(RolloutId rollout, int step, ScoredRollout scores, CancellationToken cancellationToken)
    {
        if (!IsDue(step, _spec.Schedule.SamplesEvery) || _spec.Schedule.SamplesKept == 0) { return; }
        int samples = _spec.Rollout.SamplesPerPrompt;
        int prompts = Math.Min(_spec.Rollout.PromptsPerStep, _spec.Schedule.SamplesKept);
        int each = Math.Max(1, _spec.Schedule.SamplesKept / prompts);
        var texts = await _backend.TextsAsync(rollout, prompts, cancellationToken);
        run.WriteSamples(TrainingStage.Rl, step, texts.Where(text => text.Sample < each).Select(text => SampleLine.Of(step, text, _spec.Objectives, scores, samples)));
    }

    private void Publish(TrainingStage stage, MetricsLine line)
    {
        string json = line.ToString();
        run.AppendMetrics(json);
        observer.Metrics(stage, json);
        _line = line;
        _tracking?.Advance();
        if (_tracking?.TakeFailure() is { } failure) { observer.Warning(failure); }
    }

    private SamplingSettings Sampling(int step) => new()
    {
        Seed = _spec.Seed,
        Purpose = RandomPurpose.Sampling,
        Step = step,
        Temperature = _spec.Rollout.Temperature,
        MaxNewTokens = _spec.Rollout.MaxNewTokens,
        SamplesPerPrompt = _spec.Rollout.SamplesPerPrompt,
        StopTokens = job.StopTokens,
    };

    private static int[] Groups(int prompts, int samples) => [.. Enumerable.Range(0, prompts * samples).Select(i => i / samples)];

    private static bool IsDue(int step, int every) => every > 0 && step % every == 0;
}
