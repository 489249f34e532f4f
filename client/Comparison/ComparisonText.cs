using System.Globalization;
using System.Text;
using Ctwa.Client.Output;

namespace Ctwa.Client.Comparison;

/// <summary>A comparison for the terminal and as Markdown. It states numbers; it draws no conclusion.</summary>
internal static class ComparisonText
{
    private const string Reading =
        """
        Held-out problems before the first step of reinforcement learning → after the last, mean ± sample standard deviation over the seeds.
        *worst gain*: change of the objective that gained least or lost most in its run; the rows are sorted by it. *hypervolume*: volume
        between the held-out means and `diagnostics.hypervolume_reference`. *interference*: share of measured steps in which, on the step's own answers,
        an objective fell by more than two standard errors while the training signal rose. *forward*, *backward*: passes over a step's completions, summed over the steps, sampling not included.
        *seconds*: wall clock of the steps of reinforcement learning, held-out measurements included. "-": not measured.
        """;

    /// <summary>What the command prints at its end.</summary>
    public static IEnumerable<string> Terminal(ComparisonReport report)
    {
        yield return FormattableString.Invariant($"{report.Jobs.Count} methods, seeds {Join(report.Seeds)}: {report.Budget}");
        yield return "";
        foreach (string line in TextTable.Align(ComparisonTable.Jobs(report), lastToTheLeft: false)) { yield return line; }
        string[] failures = [.. ComparisonTable.Failures(report)];
        if (failures.Length == 0) { yield break; }
        yield return "";
        foreach (string failure in failures) { yield return failure; }
    }

    /// <summary>The document <c>compare.md</c>, without a heading, so that it fits into another one.</summary>
    /// <param name="picture">Link to the picture.</param>
    public static string Markdown(ComparisonReport report, string picture)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"Written by `{report.Command}` on {report.Date}.\n");
        text.Append(CultureInfo.InvariantCulture, $"Machine: {report.Machine}.\n");
        text.Append(CultureInfo.InvariantCulture, $"Each run: {report.Budget}. Seeds {Join(report.Seeds)}; {(report.Parallel == 1 ? "one run at a time" : FormattableString.Invariant($"{report.Parallel} runs at a time, so that seconds include what ran beside"))}.\n");
        if (report.Runs.Any(run => run.Reused)) { text.Append("Some runs were finished by an earlier call, possibly of an earlier build.\n"); }
        if (report.Differences.Count > 0) { text.Append("The jobs differ in more than their methods:\n").AppendJoin("", report.Differences.Select(line => $"\n- {line}")).Append('\n'); }
        text.Append(CultureInfo.InvariantCulture, $"\n![Objectives before and after, worst gain, interference and cost per method]({picture})\n\n");
        Table(text, ComparisonTable.Jobs(report));
        text.Append('\n').Append(Reading.ReplaceLineEndings("\n")).Append('\n');
        string[] failures = [.. ComparisonTable.Failures(report)];
        if (failures.Length > 0) { text.Append("\nRuns that failed:\n").AppendJoin("", failures.Select(line => $"\n- {line}")).Append('\n'); }
        text.Append("\nEvery run. ▲ rose, ▼ fell: by two standard errors of the difference or more; =: neither. *length*: mean response length in tokens.\n\n");
        Table(text, ComparisonTable.Runs(report));
        return text.ToString();
    }

    private static void Table(StringBuilder text, List<string[]> rows)
    {
        for (int row = 0; row < rows.Count; row++)
        {
            text.Append("| ").AppendJoin(" | ", rows[row].Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
            if (row == 0) { text.Append('|').Insert(text.Length, "---|", rows[0].Length).Append('\n'); }
        }
    }

    private static string Join(IEnumerable<long> seeds) => string.Join(", ", seeds.Select(seed => seed.ToString(CultureInfo.InvariantCulture)));
}
