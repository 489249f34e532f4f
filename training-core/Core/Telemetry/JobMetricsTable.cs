using static Ctwa.Training.Telemetry.JobInstruments;

namespace Ctwa.Training.Telemetry;

/// <summary>Which names of metrics.jsonl (docs/metrics.md) are told as which instrument. What a step leaves out keeps its last value.</summary>
internal static class JobMetricsTable
{
    /// <summary>Numbers of the job: name, instrument, value of its label.</summary>
    public static IReadOnlyList<(string Metric, JobInstrument Instrument, string Word)> Job { get; } =
    [
        ("loss/policy", Loss, "policy"),
        ("loss/supervised", Loss, "supervised"),
        ("value/loss", Loss, "value"),
        ("gradient/norm", GradientNorm, ""),
        ("gradient/conflict_rate", Conflicts, ""),
        ("policy/kl", Kl, "sampler"),
        ("policy/kl_reference", Kl, "reference"),
        ("policy/clip_fraction", ClipFraction, ""),
        ("response/length/mean", Length, ""),
        ("learning_rate", LearningRate, ""),
        ("throughput/tokens_per_s", Throughput, ""),
        ("time/step_s", StepTime, ""),
    ];

    /// <summary>Numbers of an objective: name before and after the objective's, instrument.</summary>
    public static IReadOnlyList<(string Before, string After, JobInstrument Instrument)> Objective { get; } =
    [
        ("objective/", "/mean", Score),
        ("weight/", "", Weight),
        ("covariance/", "", Covariance),
        ("correlation/", "", Correlation),
        ("realised/", "", Realised),
        ("validation/", "/mean", Validation),
        ("reward/failures/", "", Failures),
    ];

    /// <summary>Phases of a step: names of <c>time/PHASE_s</c>.</summary>
    public static IReadOnlyList<string> Phases { get; } = ["generate", "score", "update", "observe", "validate"];
}
