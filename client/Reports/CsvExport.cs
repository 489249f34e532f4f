using System.Globalization;
using Ctwa.Client.Reports.Reading;

namespace Ctwa.Client.Reports;

/// <summary>
/// Every metric of some runs as one table (RFC 4180): a row per run, stage and step, a column per metric. Numbers are written so that they
/// read back to the same double; what a step lacks is empty. Texts that a spreadsheet would take for a formula get an apostrophe before them.
/// </summary>
internal static class CsvExport
{
    /// <summary>How the first line of every table begins.</summary>
    public const string Mark = "run,stage,step,";

    private const string LineEnd = "\r\n";

    public static void Write(IReadOnlyList<RunRecord> runs, Stream stream)
    {
        using var writer = new StreamWriter(stream, bufferSize: 64 * 1024, leaveOpen: true);
        string[] names = [.. runs.SelectMany(run => run.Metrics.Supervised.Names.Concat(run.Metrics.Rl.Names)).Distinct(StringComparer.Ordinal)];
        writer.Write(Mark + string.Join(',', names.Select(Text)) + LineEnd);
        foreach (var run in runs)
        {
            Stage(writer, run, "supervised", run.Metrics.Supervised, names);
            Stage(writer, run, "rl", run.Metrics.Rl, names);
        }
    }

    private static void Stage(StreamWriter writer, RunRecord run, string stage, StageMetrics metrics, string[] names)
    {
        var series = names.Select(name => metrics[name]).ToArray();
        int[] next = new int[series.Length];
        foreach (int step in metrics.Steps)
        {
            writer.Write(Text(run.Label));
            writer.Write(string.Create(CultureInfo.InvariantCulture, $",{stage},{step}"));
            for (int i = 0; i < series.Length; i++)
            {
                writer.Write(',');
                if (series[i] is not { } one || next[i] >= one.Count || one.Steps[next[i]] != step) { continue; }
                writer.Write(one.Values[next[i]++].ToString("R", CultureInfo.InvariantCulture));
            }

            writer.Write(LineEnd);
        }
    }

    private static string Text(string text)
    {
        if (text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n') { text = "'" + text; }
        return text.AsSpan().IndexOfAny("\",\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}
