using System.Text.Json.Nodes;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Runs;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>Scores of a rollout after every objective's failure policy.</summary>
/// <param name="Scores">Shape [B, M].</param>
/// <param name="Valid">False for dropped samples, shape [B].</param>
/// <param name="Failures">Failed scores per objective, shape [M].</param>
internal sealed record ScoredRollout(double[,] Scores, bool[] Valid, int[] Failures);

/// <summary>Scoring with its durable record, and the measurements on held-out prompts. It never moves the state of a method.</summary>
internal sealed class HeldOutMeasurement(PreparedJob job, ITrainingBackend backend, RunDirectory run, ITrainingObserver observer)
{
    private readonly JobSpec _spec = job.Spec;
    private (RandomPurpose Purpose, int Step, HeldOutResult Result)? _last;

    /// <summary>Scores a rollout, or reads the scores that an earlier attempt at it received.</summary>
    public async Task<ScoredRollout> ScoreAsync(RolloutId rollout, CompletionSummary[] completions, RewardContext context, CancellationToken cancellationToken)
    {
        string path = run.ScoresPath(rollout.Name);
        var recorded = ScoreRecord.Read(path, completions, _spec.Objectives, observer.Warning);
        var received = recorded ?? await backend.ScoreAsync(rollout, context, cancellationToken);

        // Under on_failure: fail this throws before anything is recorded, so that a resume asks the mended reward again.
        ObjectiveScores[] columns = [.. received.Select((attempts, j) => ObjectiveScores.Resolve(_spec.Objectives[j], attempts))];
        if (recorded is null) { ScoreRecord.Write(run, path, completions, _spec.Objectives, received); }
        var (scores, valid) = ObjectiveScores.Join(columns);
        foreach (var column in columns.Where(column => column.FailedCount > 0))
        {
            observer.Warning($"{rollout.Name}: objective '{column.Objective}' failed on {column.FailedCount} samples ({column.FirstFailure}); {(column.DroppedCount > 0 ? "they are dropped" : "its substitute_score is used")}.");
        }

        return new ScoredRollout(scores, valid, [.. columns.Select(column => column.FailedCount)]);
    }

    /// <summary>Measures the held-out prompts before the first RL step and writes the line of step 0.</summary>
    public async Task<TrainingRunState> BaselineAsync(TrainingRunState state, CancellationToken cancellationToken)
    {
        if (job.ValidationIndices.Length == 0 || _spec.Schedule.ValidateEvery == 0) { return state; }
        observer.Message($"measuring {job.ValidationIndices.Length} held-out prompts before the first step");
        using var timer = new PhaseTimer("validate");
        var validation = await MeasureAsync(RandomPurpose.Validation, state, cancellationToken);
        var test = job.TestIndices == job.ValidationIndices ? validation : await MeasureAsync(RandomPurpose.Test, state, cancellationToken);
        if (validation.Samples == 0 || test.Samples == 0) { throw new NumericFailureException("every held-out sample was dropped by a failing reward before the first step, so there is nothing to compare the run with; mend the reward or use on_failure: substitute."); }
        timer.Lap("validate");
        var line = new MetricsLine(TrainingStage.Rl, 0, _spec.Schedule.Steps);
        var next = Validated(state with { Validation = validation.AsBaseline(), Test = test.AsBaseline() }, line, validation);
        line.AddTimes(timer, 0);
        run.AppendMetrics(line.ToString());
        observer.Metrics(TrainingStage.Rl, line.ToString());
        return next;
    }

    /// <summary>Adds a validation to a step's line.</summary>
    /// <returns>The state with the validation in the memory of the diagnostics, and in the method's where it asks for it.</returns>
    public async Task<TrainingRunState> ValidateAsync(TrainingRunState state, MetricsLine line, CancellationToken cancellationToken) =>
        Validated(state, line, await MeasureAsync(RandomPurpose.Validation, state, cancellationToken));

    /// <summary>Adds the closing comparison on held-out prompts to a summary.</summary>
    public async Task AddReportAsync(TrainingRunState state, JsonObject summary, CancellationToken cancellationToken)
    {
        if (state.Test is not { } before) { return; }
        var purpose = job.TestIndices != job.ValidationIndices ? RandomPurpose.Test : RandomPurpose.Validation;
        // The last step's validation may have measured just that.
        var after = _last is { } last && last.Purpose == purpose && last.Step == state.Step ? last.Result : await MeasureAsync(purpose, state, cancellationToken);
        if (after.Samples == 0)
        {
            observer.Warning("every held-out sample was dropped by a failing reward: the run ends without a comparison.");
            return;
        }

        double[] covariance = [.. state.CovarianceSums.Select(sum => state.Step == 0 ? 0 : sum / state.Step)];
        RunReport.AddTo(summary, _spec.Objectives, before, after, covariance);
        double[] reference = _spec.Diagnostics.HypervolumeReference.Expand(_spec.Objectives.Count);
        if (reference.Length <= Hypervolume.MaxObjectives) { summary["hypervolume"] = new JsonObject { ["before"] = Hypervolume.Of([before.Means()], reference), ["after"] = Hypervolume.Of([after.Means()], reference) }; }

        summary["worst_objective_gain"] = after.Means().Zip(before.Means(), (now, then) => now - then).Min();
        if (state.Diagnostics.MeasuredSteps > 0) { summary["interference_rate"] = (double)state.Diagnostics.EventSteps / state.Diagnostics.MeasuredSteps; }
        summary["cost"] = new JsonObject { ["forward_passes"] = state.Diagnostics.ForwardPasses, ["backward_passes"] = state.Diagnostics.BackwardPasses };
    }

    private TrainingRunState Validated(TrainingRunState state, MetricsLine line, HeldOutResult result)
    {
        for (int j = 0; j < result.Objectives.Count; j++)
        {
            line.Add($"validation/{_spec.Objectives[j].Name}/mean", result.Objectives[j].Mean);
            line.Add($"validation/{_spec.Objectives[j].Name}/standard_error", result.Objectives[j].StandardError);
        }

        line.Add("validation/response/length/mean", result.MeanLength);
        line.Add("validation/samples", result.Samples);
        if (result.Samples == 0) { return state; }
        double[] means = result.Means(), reference = _spec.Diagnostics.HypervolumeReference.Expand(means.Length);
        var archive = Hypervolume.NonDominated([.. state.Diagnostics.Archive, means]);
        line.AddValidation(_spec.Objectives, state, means);
        if (means.Length <= Hypervolume.MaxObjectives)
        {
            line.Add("validation/hypervolume", Hypervolume.Of([means], reference));
            line.Add("validation/hypervolume_archive", Hypervolume.Of(archive, reference));
        }

        state = state with { Diagnostics = state.Diagnostics.Validated(means, archive) };

        // A method that is guided by validations says so; no other hears of them.
        return job.Scalarizer!.Requires.HasFlag(ScalarizerSignals.ValidationScores) ? state with { Scalarizer = job.Scalarizer.ObserveValidation(means, state.Scalarizer!) } : state;
    }

    private async Task<HeldOutResult> MeasureAsync(RandomPurpose purpose, TrainingRunState state, CancellationToken cancellationToken)
    {
        long[] rows = purpose == RandomPurpose.Validation ? job.ValidationIndices : job.TestIndices;
        int samples = _spec.Schedule.ValidationSamples;
        var settings = new SamplingSettings
        {
            Seed = _spec.Seed,
            Purpose = purpose,
            Step = state.Step,
            Temperature = _spec.Schedule.ValidationTemperature,
            MaxNewTokens = _spec.Rollout.MaxNewTokens,
            SamplesPerPrompt = samples,
            StopTokens = job.StopTokens,
        };
        var request = new RolloutRequest(new RolloutId(purpose, state.Step), StepPlan.Single(rows.Length, _spec.Grid.Shards), rows, settings);
        var completions = await backend.GenerateAsync(request, cancellationToken);
        double meanLength = completions.Average(completion => (double)completion.Length);
        var baseline = purpose == RandomPurpose.Validation ? state.Validation : state.Test;

        // The yardstick of conciseness on held-out prompts is fixed: the mean length before the first step.
        double threshold = state.Lengths.ValidationThresholdFor([.. completions.Select(completion => completion.Length)], baseline?.MeanLength);
        var scores = await ScoreAsync(request.Id, completions, new RewardContext(threshold), cancellationToken);
        if (purpose == RandomPurpose.Validation) { await WriteSamplesAsync(request, state.Step, scores, cancellationToken); }
        await backend.ReleaseAsync(request.Id, cancellationToken);
        var result = HeldOutResult.Of(scores, samples, meanLength);
        _last = (purpose, state.Step, result);
        return result;
    }

    /// <summary>The first completion of the first prompts: they are the same prompts each time, so that people see what became of the answers.</summary>
    private async Task WriteSamplesAsync(RolloutRequest request, int step, ScoredRollout scores, CancellationToken cancellationToken)
    {
        int prompts = Math.Min(request.DatasetIndices.Length, _spec.Schedule.SamplesKept);
        if (prompts == 0 || _spec.Schedule.SamplesEvery == 0) { return; }
        var texts = await backend.TextsAsync(request.Id, prompts, cancellationToken);
        run.WriteHeldOutSamples(step, texts.Where(text => text.Sample == 0).Select(text => SampleLine.Of(step, text, _spec.Objectives, scores, request.Sampling.SamplesPerPrompt)));
    }
}

/// <summary>Means over held-out prompts.</summary>
/// <param name="Objectives">Shape [M]; empty if every sample was dropped.</param>
/// <param name="MeanLength">Response tokens.</param>
/// <param name="Samples">Completions that no objective dropped.</param>
internal sealed record HeldOutResult(IReadOnlyList<ObjectiveMean> Objectives, double MeanLength, int Samples)
{
    public static HeldOutResult Of(ScoredRollout scores, int samplesPerPrompt, double meanLength)
    {
        int[] valid = [.. Enumerable.Range(0, scores.Valid.Length).Where(i => scores.Valid[i])];
        if (valid.Length == 0) { return new HeldOutResult([], meanLength, 0); }
        int[] prompts = [.. valid.Select(i => i / samplesPerPrompt)];
        var means = Enumerable.Range(0, scores.Scores.GetLength(1)).Select(j => ObjectiveMean.OfPrompts([.. valid.Select(i => scores.Scores[i, j])], prompts));
        return new HeldOutResult([.. means], meanLength, valid.Length);
    }

    /// <summary>Mean score of each objective, shape [M].</summary>
    public double[] Means() => [.. Objectives.Select(objective => objective.Mean)];

    public HeldOutBaseline AsBaseline() => new(MeanLength, Objectives);
}
