using System.Text.RegularExpressions;

namespace Ctwa.Client.Commands;

/// <summary>What the user asked <c>ctwa train</c> for.</summary>
internal sealed partial record TrainOptions
{
    /// <summary>Job file; null with <see cref="Resume"/>.</summary>
    public string? Job { get; init; }

    /// <summary>Overrides <c>a.b=c</c>.</summary>
    public IReadOnlyList<string> Set { get; init; } = [];

    public bool DryRun { get; init; }

    /// <summary>Run directory to make; null: below <c>runs/</c>.</summary>
    public string? Output { get; init; }

    /// <summary>Run directory to continue; null: a new run.</summary>
    public string? Resume { get; init; }

    /// <summary>Compute lanes; null: as many as the machine and the job can use.</summary>
    public int? Lanes { get; init; }

    /// <summary>Where models compute, as ctwa-silo's <c>--device</c> takes it.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Collector of metrics, traces and logs, as ctwa-silo's <c>--otlp-endpoint</c> takes it; null: none.</summary>
    public string? OtlpEndpoint { get; init; }

    /// <summary>Contradictions between options, one message each.</summary>
    public IEnumerable<string> Errors()
    {
        if (Job is null && Resume is null) { yield return "no job: give a job file, such as job.yaml, or a run to continue (--resume RUN)."; }
        if (Output is not null && Resume is not null) { yield return $"--output {Output} and --resume {Resume} exclude each other: a resumed run stays in its directory."; }
        if (!DeviceName().IsMatch(Device)) { yield return $"--device {Device}: accepted are auto, cpu, cuda, cuda:N, several as cuda:0,cuda:1, and cuda:all."; }
        foreach (string set in Set)
        {
            int equals = set.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                yield return $"--set {set}: write KEY=VALUE, such as --set schedule.steps=3.";
            }
            else if (Resume is not null && !set.StartsWith("schedule.", StringComparison.Ordinal) && !set.StartsWith("tracking.", StringComparison.Ordinal))
            {
                yield return $"--set {set}: with --resume only schedule.* and tracking.* can be set; everything else would make it another run than the one begun. Start a new run instead.";
            }
        }
    }

    [GeneratedRegex("^(auto|cpu|cuda(:all)?|cuda:[0-9]{1,3}(,cuda:[0-9]{1,3})*)$", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceName();
}
