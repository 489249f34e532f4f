using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Reports.Reading;

/// <summary>Everything that a report reads of one run directory.</summary>
internal sealed class RunRecord
{
    private const int LargestJob = 256 * 1024;
    private const int LargestSummary = 1024 * 1024;

    private RunRecord(string folder, string shown, RunMetrics metrics) => (Folder, Shown, Metrics) = (folder, shown, metrics);

    /// <summary>Absolute path.</summary>
    public string Folder { get; }

    /// <summary>The path for people.</summary>
    public string Shown { get; }

    /// <summary>Name in tables and legends, unique among the runs of a report.</summary>
    public string Label { get; set; } = "";

    public RunMetrics Metrics { get; }

    /// <summary>Text of job.yaml; null: there is none.</summary>
    public string? JobText { get; private init; }

    /// <summary>The job; null if this build cannot read it.</summary>
    public JobSpec? Job { get; private init; }

    /// <summary>Null: the run has not ended.</summary>
    public RunSummary? Summary { get; private init; }

    /// <summary>Null: the run has no record of them.</summary>
    public IReadOnlyList<RunFault>? Faults { get; private init; }

    /// <summary>What readers should know of how the run was read.</summary>
    public IReadOnlyList<string> Notes { get; private init; } = [];

    /// <summary>Names of the objectives in the job's order, as the metrics have them.</summary>
    public IReadOnlyList<string> Objectives { get; private init; } = [];

    /// <summary>Reads a run directory.</summary>
    /// <exception cref="CommandFailure">It is none, holds no step, is damaged, or cannot be read.</exception>
    public static RunRecord Read(string path, string currentFolder)
    {
        string folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path, currentFolder)), shown = RunDirectory.Shown(folder, currentFolder);
        string metricsPath = Path.Combine(folder, "metrics.jsonl"), jobPath = Path.Combine(folder, "job.yaml");
        if (!Directory.Exists(folder)) { throw Bad(File.Exists(folder) ? $"{path} is a file; name the run directory that holds it, such as runs/NAME-DATE-TIME." : $"{path}: there is no such folder; name a run directory, such as runs/NAME-DATE-TIME."); }
        try
        {
            if (Directory.Exists(metricsPath)) { throw new IOException("metrics.jsonl in it is a folder."); }
            bool hasMetrics = File.Exists(metricsPath), hasJob = File.Exists(jobPath);
            if (!hasMetrics && !hasJob) { throw Bad($"{path} is not a run directory: it holds neither metrics.jsonl nor job.yaml. Name one that `ctwa train` printed, or a folder of runs such as that of `ctwa compare`."); }
            var metrics = hasMetrics ? RunMetrics.Read(metricsPath, RunDirectory.Shown(metricsPath, currentFolder)) : new RunMetrics();
            if (metrics.Rl.Steps.Count == 0 && metrics.Supervised.Steps.Count == 0) { throw Bad($"{path} has no finished step yet; call this again when there are some (see its silo.log if it does not go on)."); }
            return Create(folder, shown, metrics, jobPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"{path} cannot be read: {e.Message}");
        }
    }

    private static RunRecord Create(string folder, string shown, RunMetrics metrics, string jobPath)
    {
        var notes = new List<string>();
        string? text = BoundedText.Head(jobPath, LargestJob, out bool cut);
        var read = text is null || cut ? null : JobSpecReader.ReadText("job.yaml", text, []);
        if (text is null) { notes.Add("The run has no job.yaml: its method, targets and settings are unknown."); }
        else if (cut) { notes.Add($"Its job.yaml is larger than {LargestJob / 1024} KiB; only the beginning is shown, and targets are unknown."); }
        else if (read!.Spec is null) { notes.Add($"This build cannot read its job.yaml ({read.Errors[0]}): targets are not shown."); }
        if (metrics.TornBytes > 0) { notes.Add(FormattableString.Invariant($"The last line of metrics.jsonl is not complete ({metrics.TornBytes} bytes): a step was being written, or a crash cut it short. That is normal; it is left out.")); }
        string? summaryText = BoundedText.Head(Path.Combine(folder, "summary.json"), LargestSummary, out bool summaryCut);
        var summary = summaryText is null || summaryCut ? null : RunSummary.Parse(summaryText);
        if (summaryText is not null && summary is null) { notes.Add("Its summary.json is damaged and not shown."); }
        return new RunRecord(folder, shown, metrics)
        {
            JobText = text,
            Job = read?.Spec,
            Summary = summary,
            Faults = RunFault.Read(folder),
            Notes = notes,
            Objectives = read?.Spec is { Kind: JobKind.Rl } spec ? [.. spec.Objectives.Select(objective => objective.Name)] : [.. Named(metrics.Rl)],
        };
    }

    private static IEnumerable<string> Named(StageMetrics metrics) => metrics.Names
        .Select(name => name.Split('/')).Where(parts => parts is ["objective", _, "mean"] or ["validation", not "response", "mean"]).Select(parts => parts[1]).Distinct();

    private static CommandFailure Bad(string message) => new(ExitCodes.BadInput, message);
}
