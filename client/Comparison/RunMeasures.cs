using Ctwa.Client.Output;

namespace Ctwa.Client.Comparison;

/// <summary>What a finished run measured, read from its own files. What is missing there is null here.</summary>
internal sealed record RunMeasures
{
    /// <summary>Held-out means before and after, in the job's order.</summary>
    public required IReadOnlyList<ObjectiveChange> Objectives { get; init; }

    /// <summary>Completions behind each held-out mean.</summary>
    public int? HeldOutSamples { get; init; }

    /// <summary>Mean response length on held-out prompts, tokens.</summary>
    public LengthChange? Length { get; init; }

    /// <summary>Change of the objective that gained least or lost most.</summary>
    public double? WorstGain { get; init; }

    public ValueChange? Hypervolume { get; init; }

    public double? InterferenceRate { get; init; }

    public PassCounts? Cost { get; init; }

    /// <summary>Wall clock of the steps of reinforcement learning, held-out measurements within them included.</summary>
    public double? Seconds { get; init; }

    public string? ModelSha256 { get; init; }

    public string? Verdict { get; init; }

    /// <summary>Reads a run directory.</summary>
    /// <returns>Null: it has no summary, so its run is not finished.</returns>
    public static RunMeasures? Read(string folder)
    {
        string path = Path.Combine(folder, "summary.json");
        if (!File.Exists(path) || RunSummary.Parse(File.ReadAllText(path)) is not { } summary) { return null; }
        string metrics = Path.Combine(folder, "metrics.jsonl");
        JobMetrics[] steps = File.Exists(metrics) ? [.. File.ReadLines(metrics).Select(JobMetrics.Parse).OfType<JobMetrics>().Where(line => !line.IsSupervised && line.Step > 0)] : [];
        // A resumed run's summary knows only the time of its last process; the steps know theirs.
        double?[] seconds = [.. steps.Select(step => step["time/step_s"])];
        double?[] gains = [.. summary.Objectives.Select(objective => objective.After - objective.Before)];
        return new RunMeasures
        {
            Objectives = summary.Objectives,
            HeldOutSamples = summary.HeldOutSamples,
            Length = summary.Length,
            WorstGain = summary.WorstObjectiveGain ?? (gains.Length > 0 && gains.All(gain => gain is not null) ? gains.Min() : null),
            Hypervolume = summary.Hypervolume,
            InterferenceRate = summary.InterferenceRate,
            Cost = summary.Cost ?? (steps.Length > 0 && steps[^1]["cost/forward_passes"] is { } forward ? new PassCounts(forward, steps[^1]["cost/backward_passes"]) : null),
            Seconds = seconds.Length > 0 && seconds.All(value => value is not null) ? seconds.Sum() : null,
            ModelSha256 = summary.ModelSha256,
            Verdict = summary.Verdict,
        };
    }
}
