using Ctwa.Client.Jobs;

namespace Ctwa.Client.Reports.Reading;

/// <summary>The runs of a report: run directories as the user named them, or folders that hold some.</summary>
internal static class ReportRuns
{
    /// <summary>More lines cannot be told apart, and the page would grow without end.</summary>
    public const int Most = 64;

    /// <summary>Reads them all.</summary>
    /// <exception cref="CommandFailure">One cannot be read, there are too many, or they have different objectives.</exception>
    public static IReadOnlyList<RunRecord> Read(IReadOnlyList<string> paths, string currentFolder)
    {
        string[] folders = [.. paths.SelectMany(path => Expand(path, currentFolder)).DistinctBy(path => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path, currentFolder)))];
        if (folders.Length > Most) { throw new CommandFailure(ExitCodes.BadInput, FormattableString.Invariant($"{folders.Length} runs are too many for one report; give at most {Most}.")); }
        RunRecord[] runs = [.. folders.Select(folder => RunRecord.Read(folder, currentFolder))];
        foreach (var run in runs.Skip(1))
        {
            if (!run.Objectives.ToHashSet(StringComparer.Ordinal).SetEquals(runs[0].Objectives))
            {
                throw new CommandFailure(ExitCodes.BadInput, $"the runs have different objectives: {runs[0].Shown} has {List(runs[0])}, {run.Shown} has {List(run)}. Runs in one report share theirs; make a report of each.");
            }
        }

        Name(runs);
        return runs;
    }

    private static string List(RunRecord run) => run.Objectives.Count == 0 ? "none (supervised only)" : string.Join(", ", run.Objectives);

    // A folder of `ctwa compare` holds one run directory per job and seed, and hidden or shared warm starts beside them.
    private static IEnumerable<string> Expand(string path, string currentFolder)
    {
        string folder = Path.GetFullPath(path, currentFolder);
        if (!Directory.Exists(folder) || IsRun(folder)) { return [path]; }
        try
        {
            string[] inside = [.. Directory.GetDirectories(folder).Where(IsRun).Where(run => !Path.GetFileName(run).StartsWith('.')).Order(StringComparer.Ordinal)];
            string[] chosen = [.. inside.Where(run => !Path.GetFileName(run).StartsWith("warm-start", StringComparison.Ordinal))];
            return chosen.Length > 0 ? chosen.Select(run => RunDirectory.Shown(run, currentFolder)) : [path];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"{path} cannot be read: {e.Message}");
        }
    }

    private static bool IsRun(string folder) => File.Exists(Path.Combine(folder, "job.yaml")) || Path.Exists(Path.Combine(folder, "metrics.jsonl"));

    private static void Name(RunRecord[] runs)
    {
        foreach (var run in runs) { run.Label = Path.GetFileName(run.Folder) is { Length: > 0 } name ? name : run.Folder; }
        foreach (var same in runs.GroupBy(run => run.Label).Where(group => group.Count() > 1).ToList())
        {
            foreach (var run in same) { run.Label = Path.Combine(Path.GetFileName(Path.GetDirectoryName(run.Folder)) ?? "", run.Label); }
        }

        foreach (var same in runs.GroupBy(run => run.Label).Where(group => group.Count() > 1).ToList())
        {
            foreach (var (number, run) in same.Index()) { run.Label = FormattableString.Invariant($"{run.Label} ({number + 1})"); }
        }
    }
}
