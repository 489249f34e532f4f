using System.Text;
using Ctwa.Client.Jobs;

namespace Ctwa.Client.Supervision;

/// <summary>Messages about a silo in trouble: what happened, its last words, where the files are, what to do.</summary>
internal static class SiloReport
{
    public static string DiedAtStart(SiloExit exit, LogTail log, RunDirectory run) =>
        $"the silo {exit} before it was ready; nothing was trained." + LastLines(log, run.Display(run.LogPath));

    public static string NotReady(TimeSpan waited, LogTail log) =>
        FormattableString.Invariant($"the silo was not ready after {waited.TotalSeconds:0.###} s (it never printed '{SiloProcess.ReadyLine}') and was killed; nothing was trained. Is the machine overloaded or out of memory?")
        + LastLines(log, "its log");

    public static string Died(SiloExit exit, LogTail log, RunDirectory run, string? lastStep) =>
        $"the silo {exit} while the job was running{After(lastStep)}.{LastLines(log, run.Display(run.LogPath))}\n{WhereAndHow(run)}";

    public static string Unreachable(TimeSpan waited, string cause, LogTail log, RunDirectory run, string? lastStep) =>
        FormattableString.Invariant($"the silo runs but has not answered for {waited.TotalSeconds:0.#} s{After(lastStep)}, and was killed; last error: {cause}")
        + $"{LastLines(log, run.Display(run.LogPath))}\n{WhereAndHow(run)}";

    /// <summary>The run directory, and how to go on if the run got as far as being resumable.</summary>
    public static string WhereAndHow(RunDirectory run)
    {
        string where = $"run directory: {run.Display()}";
        return run.IsResumable ? $"{where}\nresume with: {run.ResumeCommand}" : $"{where} (not resumable: the job had not started)";
    }

    private static string After(string? lastStep) => lastStep is null ? "" : $" (last seen: {lastStep})";

    private static string LastLines(LogTail log, string path)
    {
        string[] lines = log.Last(LogTail.KeptLines);
        if (lines.Length == 0) { return "\nIt wrote nothing."; }
        var text = new StringBuilder($"\nLast lines of {path}:");
        foreach (string line in lines) { text.Append("\n  | ").Append(line); }
        return text.ToString();
    }
}
