using Ctwa.Training.Advantages;
using Ctwa.Training.Diagnostics;
using Ctwa.Training.Losses;
using Ctwa.Training.Optimizers;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>What a step's updates did.</summary>
/// <param name="Signals">What the method weighed: with the Gram matrix and the objectives' advantages where it asks for them.</param>
/// <param name="Signal">The training signal.</param>
/// <param name="Updates">Sums over the updates.</param>
/// <param name="Scalarizer">The method's state after the last solution.</param>
/// <param name="Coefficients">Weights of the objectives that were used, mean over the updates, shape [M].</param>
/// <param name="LastCoefficients">Those of the last solution, for updates that do not solve; null if the method does not.</param>
/// <param name="Geometry">The objectives' gradients where they were measured, mean over the measured updates; null if they were not.</param>
/// <param name="PredictedByGradient">−⟨Δθ, g_j⟩ summed over the updates, shape [M]: the first-order improvement of each objective's surrogate by the weights' actual movement; null if not measured.</param>
internal sealed record PolicyStepResult(
    StepSignals Signals, StepSignal Signal, UpdateTotals Updates, ScalarizerState Scalarizer, double[] Coefficients, double[]? LastCoefficients, GradientGeometry? Geometry, double[]? PredictedByGradient)
{
    /// <summary>Penalty in the rewards; null without one.</summary>
    public RewardPenalty? Penalty { get; init; }
}

/// <summary>
/// The part of a step between scores and weights: weigh, accumulate, solve, combine, apply, once per optimizer update. A method
/// that solves for gradient coefficients gets the exact Gram matrix of the whole update; KL and entropy are a row of their own,
/// added after the aggregation; clipping sees the final combined gradient.
/// </summary>
/// <param name="apply">Reduces, clips and applies an update: (identity, updates of the stage before it).</param>
internal sealed class PolicyStep(PreparedJob job, ITrainingBackend backend, Func<UpdateId, long, Task<AppliedUpdate>> apply, PassCounter passes)
{
    private readonly JobSpec _spec = job.Spec;
    private readonly GradientScalarizerSpec _options = job.Spec.Scalarizer as GradientScalarizerSpec ?? new DefaultGradientOptions();

    private bool HasRegularizer => _spec.Loss.Kl.Coefficient > 0 || _spec.Loss.EntropyCoefficient > 0 || job.HasValueHead;

    private int Objectives => _spec.Objectives.Count;

    public async Task<PolicyStepResult> RunAsync(RolloutRequest request, StepSignals signals, GreedyScores? greedy, TrainingRunState state, CancellationToken cancellationToken)
    {
        var penalty = job.MeasuresTokens ? await MeasureTokensAsync(request.Id, signals, state, cancellationToken) : null;
        var advantages = new StepAdvantages(job, backend, request.Id, signals, greedy, penalty);
        var requires = job.Scalarizer!.Requires;
        bool any = signals.Valid.Contains(true);
        GradientGeometry? geometry = null;
        bool probes = any && (requires.HasFlag(ScalarizerSignals.GramBeforeWeighing)
            || (!requires.HasFlag(ScalarizerSignals.GradientGram) && _spec.Diagnostics.GramEvery > 0 && signals.Step % _spec.Diagnostics.GramEvery == 0));
        if (probes)
        {
            double[,] gram = await ProbeAsync(request, signals, await advantages.OfObjectivesAsync(penalized: false, cancellationToken), cancellationToken);
            geometry = new GradientGeometry(gram);
            if (requires.HasFlag(ScalarizerSignals.GramBeforeWeighing)) { signals = signals with { Gram = gram }; }
        }

        if (any && requires.HasFlag(ScalarizerSignals.ObjectiveAdvantages)) { signals = signals with { ObjectiveAdvantages = await advantages.OfObjectivesAsync(penalized: true, cancellationToken) }; }
        if (any && requires.HasFlag(ScalarizerSignals.ReferenceRatios)) { signals = signals with { ReferenceOpen = await NearReferenceAsync(request, signals, cancellationToken) }; }
        var signal = await StepSignal.OfAsync(job, signals, advantages, state.Scalarizer!, cancellationToken);
        var context = new Updating(request, signals, signal, state) { Scalarizer = state.Scalarizer!, Last = state.Coefficients };
        var plan = request.Plan;
        for (int update = 0; update < plan.Updates * _spec.Update.Epochs; update++)
        {
            int part = update % plan.Updates;
            var counts = CountsOf(plan, part, request.Sampling.SamplesPerPrompt, signals);
            if (counts.Tokens == 0) { continue; }
            await UpdateAsync(context, new UpdateId(TrainingStage.Rl, signals.Step, update), part, counts, cancellationToken);
        }

        double[]? predicted = context.Predicted;
        if (probes)
        {
            double[] products = await backend.DisplacementAsync(UpdateId.Probe(signals.Step), cancellationToken);
            predicted = [.. products.Take(Objectives).Select(product => -product)];
        }

        double[] used = context.Used.Count == 0 ? signal.Weights : Mean(context.Used);
        return new PolicyStepResult(signals, signal, context.Totals, context.Scalarizer, used, context.Last, GradientGeometry.Mean(context.Geometries) ?? geometry, predicted) { Penalty = penalty };
    }

    /// <summary>One optimizer update.</summary>
    private async Task UpdateAsync(Updating context, UpdateId id, int part, UpdateCounts counts, CancellationToken cancellationToken)
    {
        long done = context.State.Updates + context.Totals.Count;
        var signal = context.Signal;
        PolicyUpdate Policy(UpdateId identity, PolicyRows rows) =>
            new(identity, context.Request.Id, context.Request.Plan, part, signal.Advantages, counts.Tokens, counts.Sequences, CompareSampler: id.Update == 0 && identity.Pass == 0) { Rows = rows };

        if (!signal.Solves)
        {
            var sums = await AccumulateAsync(Policy(id, new PolicyRows(signal.Coefficients, Keep: false, Regularizer: false, signal.RatioToReference)), cancellationToken);
            context.Totals.Add(sums, await apply(id, done));
            return;
        }

        // Between two solutions the last coefficients serve again, in one backward pass.
        if (context.Last is { } last && done % _options.GramEvery != 0)
        {
            var sums = await AccumulateAsync(Policy(id, new PolicyRows(last, Keep: false, Regularizer: false, signal.RatioToReference)), cancellationToken);
            context.Totals.Add(sums, await apply(id, done));
            context.Used.Add(last);
            return;
        }

        bool keep = _options.Plan == CombinationPlan.KeepRows;
        var rows = await AccumulateAsync(Policy(id, new PolicyRows(null, Keep: true, Regularizer: keep && HasRegularizer, signal.RatioToReference) { LastBlockOnly = !keep && _options.GramScope == GramScope.LastBlock }), cancellationToken);
        double[][,] slices = await backend.GramAsync(id, _options.GramScope, cancellationToken);
        var solution = Solve(context, id, done, rows, slices);
        (context.Scalarizer, context.Last) = (solution.State, solution.Coefficients);
        context.Used.Add(solution.Coefficients);
        context.Geometries.Add(GradientGeometry.Combined(SliceProducts.Leading(SliceProducts.Sum(slices), Objectives), solution.Coefficients, SliceProducts.Sum(slices)));
        if (keep)
        {
            await backend.CombineAsync(id, solution.PerSlice ?? [.. slices.Select(_ => solution.Coefficients)], cancellationToken);
            var applied = await apply(id, done);
            context.Totals.Add(rows with { Loss = WeightedLoss(rows, solution) }, applied);
            context.AddPrediction(applied.Products.AsSpan(0, Objectives));
            return;
        }

        var second = id with { Pass = 1 };
        var combined = await AccumulateAsync(Policy(second, new PolicyRows(solution.Coefficients, Keep: false, Regularizer: false, signal.RatioToReference)), cancellationToken);
        context.Totals.Add(combined with { SamplerDifference = rows.SamplerDifference }, await apply(second, done));
    }

    private GradientSolution Solve(Updating context, UpdateId id, long done, UpdateSums rows, double[][,] slices)
    {
        double[][,] grams = [.. slices.Select(slice => SliceProducts.Leading(slice, Objectives))];
        var gram = SliceProducts.Sum(grams);
        if (gram.Cast<double>().Any(value => !double.IsFinite(value)))
        {
            throw new NumericFailureException($"the gradients of step {id.Step} are not finite. Lower optimizer.learning_rate or set optimizer.grad_clip in a new run.");
        }

        var solution = job.Scalarizer!.Solve(new GradientSignals
        {
            Step = id.Step,
            Update = id.Update,
            Gram = gram,
            SliceGrams = grams,
            Losses = rows.ObjectiveLosses,
            MeanScores = StepDiagnostics.Means(context.Signals),
            LearningRate = LearningRate.At(_spec.Optimizer, done, job.TotalUpdates),
        }, context.Scalarizer);
        if (solution.PerSlice is not null && _options is not { Plan: CombinationPlan.KeepRows, GramEvery: 1 })
        {
            throw new NotSupportedException($"scalarizer '{_spec.Scalarizer.MethodName()}' gives every slice its own coefficients here; set scalarizer.plan: keep_rows and scalarizer.gram_every: 1.");
        }

        return solution.Coefficients.All(double.IsFinite)
            ? solution
            : throw new NumericFailureException($"scalarizer '{_spec.Scalarizer.MethodName()}' gave coefficients that are not finite in step {id.Step}, update {id.Update}: {string.Join(", ", solution.Coefficients)}.");
    }

    /// <summary>Gradients of the objectives over all of the step's prompts, to look at.</summary>
    private async Task<double[,]> ProbeAsync(RolloutRequest request, StepSignals signals, OutcomeAdvantages[] perObjective, CancellationToken cancellationToken)
    {
        var id = UpdateId.Probe(signals.Step);
        var counts = UpdateCounts.Of(signals.Lengths, signals.Valid);
        var probe = new PolicyUpdate(id, request.Id, request.Plan, PlanUpdate: -1, perObjective, counts.Tokens, counts.Sequences, CompareSampler: false)
        {
            Rows = new PolicyRows(null, Keep: true, Regularizer: false, RatioToReference: false),
        };
        await AccumulateAsync(probe, cancellationToken);
        return SliceProducts.Sum(await backend.GramAsync(id, GramScope.All, cancellationToken));
    }

    /// <summary>Lets the shards measure their tokens before any update; the penalty that it makes, if the job has one.</summary>
    private async Task<RewardPenalty?> MeasureTokensAsync(RolloutId rollout, StepSignals signals, TrainingRunState state, CancellationToken cancellationToken)
    {
        double[] divergence = await backend.MeasureTokensAsync(rollout, cancellationToken);
        passes.Add(forward: (job.HasValueHead || _spec.Loss.ImportanceCap > 0 ? 1 : 0) + (_spec.RewardKl is null ? 0 : 1), backward: 0);
        return state.RewardKl is { } controller ? RewardPenalty.Of(controller.Coefficient, divergence, signals) : null;
    }

    /// <summary>Share of each completion's tokens whose ratio to the reference policy is not above the clipping bound.</summary>
    private async Task<double[]> NearReferenceAsync(RolloutRequest request, StepSignals signals, CancellationToken cancellationToken)
    {
        passes.Add(forward: 1, backward: 0);
        var measured = await backend.MeasureAsync(request.Id, new double[signals.Lengths.Length], fromReference: true, cancellationToken);
        return [.. measured.Select((one, b) => signals.Lengths[b] == 0 ? 0 : (double)one.ActiveTokens / signals.Lengths[b])];
    }

    private async Task<UpdateSums> AccumulateAsync(PolicyUpdate update, CancellationToken cancellationToken)
    {
        double share = update.PlanUpdate < 0 ? 1 : 1.0 / update.Plan.Updates;
        bool reference = _spec.Loss.Kl.Coefficient > 0 || update.Rows.RatioToReference;
        passes.Add(forward: share * (1 + (reference ? 1 : 0) + (PolicyLoss.SelectsTokens(_spec.Loss.Kind) ? 1 : 0)), backward: share * update.RowCount);
        var sums = await backend.AccumulatePolicyAsync(update, cancellationToken);

        // The norm of the policy's gradient does not see the value head.
        if (!double.IsFinite(sums.ValueLoss)) { throw new NumericFailureException($"the value loss of step {update.Id.Step} is not finite. Lower loss.value.learning_rate in a new run."); }
        return sums;
    }

    private static double WeightedLoss(UpdateSums rows, GradientSolution solution) => rows.ObjectiveLosses.Zip(solution.Coefficients, (loss, coefficient) => loss * coefficient).Sum();

    private static double[] Mean(List<double[]> rows) => [.. Enumerable.Range(0, rows[0].Length).Select(j => rows.Average(row => row[j]))];

    private static UpdateCounts CountsOf(StepPlan plan, int part, int samples, StepSignals signals)
    {
        int start = part * plan.PromptsPerUpdate * samples, count = plan.PromptsPerUpdate * samples;
        return UpdateCounts.Of(signals.Lengths.AsSpan(start, count), signals.Valid.AsSpan(start, count));
    }

    /// <summary>What moves from update to update within a step.</summary>
    private sealed record Updating(RolloutRequest Request, StepSignals Signals, StepSignal Signal, TrainingRunState State)
    {
        public UpdateTotals Totals { get; } = new();

        public required ScalarizerState Scalarizer { get; set; }

        public required double[]? Last { get; set; }

        public List<double[]> Used { get; } = [];

        public List<GradientGeometry> Geometries { get; } = [];

        public double[]? Predicted { get; private set; }

        public void AddPrediction(ReadOnlySpan<double> products)
        {
            Predicted ??= new double[products.Length];
            for (int j = 0; j < products.Length; j++) { Predicted[j] -= products[j]; }
        }
    }

    private sealed record DefaultGradientOptions : GradientScalarizerSpec;
}

/// <summary>Passes over a step's completions since reinforcement learning began: what a method costs, whatever the machine.</summary>
internal sealed class PassCounter(double forward, double backward)
{
    public double Forward { get; private set; } = forward;

    public double Backward { get; private set; } = backward;

    public void Add(double forward, double backward)
    {
        Forward += forward;
        Backward += backward;
    }
}
