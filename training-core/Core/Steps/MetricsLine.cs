using System.Text.Json.Nodes;
using Ctwa.Training.Diagnostics;
using Ctwa.Training.Runs;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>One line of metrics.jsonl: a flat JSON object. The names are documented in docs/metrics.md.</summary>
internal sealed class MetricsLine
{
    private readonly JsonObject _values;

    public MetricsLine(TrainingStage stage, int step, int total) =>
        _values = new JsonObject { ["stage"] = stage == TrainingStage.Rl ? "rl" : "supervised", ["step"] = step, ["steps_total"] = total };

    /// <summary>A number of the line; null if it has none of that name.</summary>
    public double? this[string name] => _values[name] is JsonValue value && value.TryGetValue(out double number) ? number : _values[name] is JsonValue whole && whole.TryGetValue(out int count) ? count : null;

    /// <summary>Response tokens of the step.</summary>
    public long Tokens { get; private set; }

    /// <summary>Adds a number; one that is not finite is left out, since JSON cannot say it.</summary>
    public void Add(string name, double value)
    {
        if (double.IsFinite(value)) { _values[name] = value; }
    }

    /// <summary>Scores, weights and diagnostics of an RL step.</summary>
    public void AddStep(IReadOnlyList<ObjectiveSpec> objectives, ScoredRollout scores, double[] weights, StepDiagnostics diagnostics, Observation observation, CompletionSummary[] completions)
    {
        double[] degenerate = diagnostics.WithinPrompt.DegenerateFraction;
        for (int j = 0; j < objectives.Count; j++)
        {
            string name = objectives[j].Name;
            Add($"objective/{name}/mean", diagnostics.Mean[j]);
            Add($"objective/{name}/std", diagnostics.Deviation[j]);
            Add($"weight/{name}", weights[j]);
            Add($"covariance/{name}", diagnostics.WithinPrompt.Covariance[j]);
            Add($"covariance/standard_error/{name}", diagnostics.WithinPrompt.CovarianceError[j]);
            Add($"correlation/{name}", diagnostics.WithinPrompt.Correlation[j]);
            Add($"group/degenerate_fraction/{name}", degenerate[j]);
            Add($"reward/failures/{name}", scores.Failures[j]);
            foreach (var (metric, values) in observation.Metrics) { Add($"{metric}/{name}", values[j]); }
        }

        foreach (var (metric, value) in observation.Scalars) { Add(metric, value); }
        Add("samples/dropped", scores.Valid.Count(valid => !valid));
        Add("response/length/mean", completions.Average(completion => (double)completion.Length));
        Add("response/length/max", completions.Max(completion => completion.Length));
        Add("response/stopped_fraction", completions.Average(completion => completion.Stopped ? 1.0 : 0.0));
    }

    /// <summary>Loss, divergence, clipping and optimizer of an RL step.</summary>
    public void AddUpdates(UpdateTotals totals)
    {
        Add("updates", totals.Count);
        if (totals.Count == 0) { return; }

        var sums = totals.Sums;
        Add("loss/policy", sums.Loss / totals.Count);
        Add("policy/kl", sums.PolicyKl / sums.Tokens);
        Add("policy/kl_reference", sums.ReferenceKl / sums.Tokens);
        Add("policy/clip_fraction", sums.Clipped / sums.Tokens);
        Add("policy/dual_clip_fraction", sums.DualClipped / sums.Tokens);
        if (sums.Entropy != 0) { Add("policy/entropy", sums.Entropy / sums.Tokens); }
        Add("rollout/logprob_difference_max", sums.SamplerDifference);
        Add("gradient/norm", totals.Applied.Average(update => update.Norm));
        Add("gradient/clip_scale", totals.Applied.Average(update => update.ClipScale));
        Add("learning_rate", totals.Applied[^1].LearningRate);
    }

    /// <summary>What the estimator and the loss add beside rewards: penalty, greedy completions, values, chosen tokens.</summary>
    public void AddEstimation(IReadOnlyList<ObjectiveSpec> objectives, RewardPenalty? penalty, GreedyScores? greedy, bool values, UpdateTotals totals)
    {
        if (penalty is not null)
        {
            Add("reward_kl/coefficient", penalty.Coefficient);
            Add("reward_kl/divergence", penalty.Mean);
        }

        for (int j = 0; greedy is not null && j < objectives.Count; j++)
        {
            double[] scores = [.. greedy.Valid.Select((valid, prompt) => valid ? greedy.Scores[prompt, j] : double.NaN).Where(double.IsFinite)];
            if (scores.Length > 0) { Add($"greedy/{objectives[j].Name}/mean", scores.Average()); }
        }

        if (totals.Count == 0) { return; }
        if (totals.Sums.Selected > 0) { Add("policy/selected_fraction", totals.Sums.Selected / totals.Sums.Tokens); }
        if (!values) { return; }
        Add("value/loss", totals.Sums.ValueLoss / totals.Count);
        Add("value/clip_fraction", totals.Sums.ValueClipped / totals.Sums.Tokens);
    }

    /// <summary>Weights, gradients' geometry, predicted and realised improvement, interference, cost.</summary>
    public void AddImprovement(IReadOnlyList<ObjectiveSpec> objectives, StepDiagnostics diagnostics, PolicyStepResult result, RealisedImprovement? realised, DiagnosticState memory)
    {
        string[] names = [.. objectives.Select(objective => objective.Name)];
        double total = result.Coefficients.Sum(Math.Abs);
        Add("weights/sum", result.Coefficients.Sum());
        Add("weights/entropy", -result.Coefficients.Select(weight => Math.Abs(weight) / total).Sum(share => share > 0 ? share * Math.Log(share) : 0));
        Add("weights/max_min_ratio", result.Coefficients.Max(Math.Abs) / result.Coefficients.Min(Math.Abs));
        Add("group/count", diagnostics.WithinPrompt.Groups);
        if (result.Geometry is { } geometry)
        {
            foreach (var (name, value) in geometry.Metrics(names)) { Add(name, value); }
        }

        for (int j = 0; j < names.Length; j++)
        {
            Add($"predicted/covariance/{names[j]}", diagnostics.WithinPrompt.Covariance[j]);
            if (result.PredictedByGradient is { } predicted) { Add($"predicted/gradient/{names[j]}", predicted[j]); }
            if (realised is null) { continue; }
            Add($"realised/{names[j]}", realised.Change[j]);
            Add($"realised/standard_error/{names[j]}", realised.StandardError[j]);
        }

        if (realised is not null)
        {
            Add("realised/signal", realised.Signal);
            Add("clip/distortion", realised.ClipDistortion);
            Add("clip/active_fraction", realised.ActiveFraction);
            AddInterference(names, realised.Events);
            foreach (var (name, value) in memory.Covariance.Metrics("prediction/covariance")) { Add(name, value); }
            foreach (var (name, value) in memory.Gradient.Metrics("prediction/gradient")) { Add(name, value); }
        }

        Add("cost/forward_passes", memory.ForwardPasses);
        Add("cost/backward_passes", memory.BackwardPasses);
    }

    /// <summary>Objectives that fell while the signal rose, each with the one that gained most.</summary>
    public void AddInterference(IReadOnlyList<string> names, IReadOnlyList<(int Loser, int Winner)> events)
    {
        Add("interference/events", events.Count);
        foreach (var (loser, winner) in events) { Add($"interference/pair/{names[loser]}/{names[winner]}", 1); }
    }

    /// <summary>A validation against the one before, and against the first.</summary>
    /// <param name="state">Before this validation.</param>
    /// <param name="means">Of this validation, shape [M].</param>
    public void AddValidation(IReadOnlyList<ObjectiveSpec> objectives, TrainingRunState state, double[] means)
    {
        if (state.Validation is { } first) { Add("validation/worst_gain", means.Zip(first.Means(), (now, then) => now - then).Min()); }
        var memory = state.Diagnostics;
        for (int j = 0; j < means.Length; j++)
        {
            if (memory.LastValidation.Length > 0) { Add($"validation/{objectives[j].Name}/change", means[j] - memory.LastValidation[j]); }
            if (memory.CovarianceSince.Length > 0) { Add($"validation/{objectives[j].Name}/predicted_covariance", memory.CovarianceSince[j]); }
            if (memory.RealisedSince.Length > 0) { Add($"validation/{objectives[j].Name}/realised_in_training", memory.RealisedSince[j]); }
        }
    }

    /// <summary>Wall-clock times of the phases and tokens per second over the whole step.</summary>
    public void AddTimes(PhaseTimer timer, long tokens)
    {
        Tokens = tokens;
        foreach (var (phase, seconds) in timer.Laps) { Add($"time/{phase}_s", Math.Round(seconds, 4)); }
        Add("time/step_s", Math.Round(timer.TotalSeconds, 4));
        Add("throughput/tokens_per_s", Math.Round(tokens / timer.TotalSeconds, 1));
    }

    public override string ToString() => _values.ToJsonString(StateJson.Lines);
}
