using Ctwa.Training.Datasets;
using Ctwa.Training.Diagnostics;
using Ctwa.Training.Optimizers;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Runs;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <content>What a step is.</content>
public sealed partial class TrainingLoop
{
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
            await _checkpoints.CollectAsync(wait: true);
            string last = _checkpoints.Last is null ? "" : $"; the last checkpoint, {_checkpoints.Last}, is sound and can be its model.path";
            throw new NumericFailureException($"the gradient of {id.Stage.ToString().ToLowerInvariant()} step {id.Step} is not finite. Lower the stage's optimizer.learning_rate or set its optimizer.grad_clip in a new run{last}.");
        }

        double scale = options.GradClip > 0 ? Gradients.GradientClipper.Scale(norm, options.GradClip) : 1;
        double learningRate = LearningRate.At(options, done, total);
        double[] products = await _backend.ApplyAsync(new OptimizerUpdate(id, scale * lossScale, learningRate, done + 1), cancellationToken);
        return new AppliedUpdate(norm, scale, learningRate, products);
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
        WarnOfTracking();
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
}
