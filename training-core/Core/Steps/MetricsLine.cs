using System.Text.Json.Nodes;
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
            Add($"correlation/{name}", diagnostics.WithinPrompt.Correlation[j]);
            Add($"group/degenerate_fraction/{name}", degenerate[j]);
            Add($"reward/failures/{name}", scores.Failures[j]);
            foreach (var (metric, values) in observation.Metrics) { Add($"{metric}/{name}", values[j]); }
        }

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

    /// <summary>Wall-clock times of the phases and tokens per second over the whole step.</summary>
    public void AddTimes(PhaseTimer timer, long tokens)
    {
        foreach (var (phase, seconds) in timer.Laps) { Add($"time/{phase}_s", Math.Round(seconds, 4)); }
        Add("time/step_s", Math.Round(timer.TotalSeconds, 4));
        Add("throughput/tokens_per_s", Math.Round(tokens / timer.TotalSeconds, 1));
    }

    public override string ToString() => _values.ToJsonString(StateJson.Lines);
}
