namespace Ctwa.Training.Telemetry;

/// <summary>
/// Names of meters, activity sources and labels. Instruments come from the runtime's own library: without a listener they cost a
/// check of a field, and nobody needs a package to have them. docs/observability.md lists every instrument.
/// </summary>
public static class TelemetryNames
{
    /// <summary>Every meter and activity source of the project.</summary>
    public const string All = "Ctwa.*";

    /// <summary>Meter and activity source of jobs: by the process whose coordinator runs the job's loop.</summary>
    public const string Training = "Ctwa.Training";

    /// <summary>Meter and activity source of the grid: queue, silos, shards and slices.</summary>
    public const string Grid = "Ctwa.Grid";

    /// <summary>Meter and activity source of the tensor channel.</summary>
    public const string Channel = "Ctwa.Channel";

    /// <summary>Name of a step's root span.</summary>
    public const string StepSpan = "step";

    /// <summary>Names of the other root spans: once or twice in a job's life.</summary>
    public static IReadOnlyList<string> JobSpans { get; } = ["load", "begin", "baseline", "report", "closing"];

    /// <summary>Label with the job's id. Not <c>job</c>, which is Prometheus' own.</summary>
    public const string JobLabel = "ctwa.job";

    /// <summary><c>supervised</c> or <c>rl</c>.</summary>
    public const string StageLabel = "ctwa.stage";

    /// <summary>An objective's name.</summary>
    public const string ObjectiveLabel = "ctwa.objective";

    /// <summary>The other objective of a pair.</summary>
    public const string OtherLabel = "ctwa.objective.other";

    /// <summary>Part of a step.</summary>
    public const string PhaseLabel = "ctwa.phase";

    /// <summary>Which of several numbers of one kind.</summary>
    public const string KindLabel = "ctwa.kind";
}
