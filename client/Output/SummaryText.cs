using System.Globalization;

namespace Ctwa.Client.Output;

/// <summary>The closing table as plain text, at most 80 columns except for paths.</summary>
internal static class SummaryText
{
    /// <param name="display">Turns a path of the summary into one for people.</param>
    public static IEnumerable<string> Format(RunSummary summary, Func<string, string> display)
    {
        yield return Title(summary);
        yield return "";
        foreach (string line in TextTable.Align(Rows(summary), lastToTheLeft: true)) { yield return line; }

        yield return "";
        foreach (string line in WhoPaid(summary)) { yield return line; }

        if (summary.Verdict is { Length: > 0 } verdict)
        {
            yield return "";
            foreach (string line in TextTable.Wrap(verdict)) { yield return line; }
        }

        var files = Files(summary, display);
        if (files.Count == 0) { yield break; }
        yield return "";
        foreach (var (name, value) in files) { yield return $"{name,-10}  {value}"; }
    }

    public static string Title(RunSummary summary)
    {
        string samples = summary.HeldOutSamples is { } count ? FormattableString.Invariant($" ({count} samples)") : "";
        string steps = summary.Steps is { } n ? FormattableString.Invariant($" {n} steps") : " training";
        string time = summary.Seconds is { } seconds ? $", {Numbers.Duration(seconds)}" : "";
        return $"Held-out problems{samples} before and after{steps}{time}";
    }

    /// <summary>Header, one row per objective, and the mean response length.</summary>
    public static List<string[]> Rows(RunSummary summary)
    {
        List<string[]> rows = [["objective", "before", "after", "change", "verdict"]];
        rows.AddRange(summary.Objectives.Select(o => (string[])
        [
            o.Name, Measured(o.Before, o.BeforeSe), Measured(o.After, o.AfterSe), Change(o.Before, o.After, 3), o.Verdict ?? "",
        ]));
        if (summary.Length is { } length)
        {
            rows.Add(["length (tokens)", OrDash(length.Before, Numbers.One), OrDash(length.After, Numbers.One), Change(length.Before, length.After, 1), ""]);
        }

        return rows;
    }

    /// <summary>Which objectives paid for which, with the numbers behind it.</summary>
    public static IEnumerable<string> WhoPaid(RunSummary summary)
    {
        if (summary.Interference.Count == 0)
        {
            yield return "No objective paid for another.";
            yield break;
        }

        yield return "Who paid for whom";
        foreach (var pair in summary.Interference)
        {
            foreach (string line in TextTable.Wrap(Sentence(pair), TextTable.Width, "  ")) { yield return line; }
            if (pair.Text is { Length: > 0 } text)
            {
                foreach (string line in TextTable.Wrap(text, TextTable.Width, "    ")) { yield return line; }
            }
        }
    }

    public static List<(string Name, string Value)> Files(RunSummary summary, Func<string, string> display)
    {
        var files = new List<(string, string)>();
        if (summary.RunDirectory is { Length: > 0 } run) { files.Add(("run", display(run))); }
        if (summary.Checkpoint is { Length: > 0 } checkpoint) { files.Add(("checkpoint", display(checkpoint))); }
        if (summary.ModelSha256 is { Length: > 0 } hash) { files.Add(("sha256", hash)); }
        if (summary is { PeakMemoryBytes: { } peak, EstimatedMemoryBytes: { } estimated })
        {
            files.Add(("memory", FormattableString.Invariant($"peak {peak / 1e9:0.00} GB, estimated {estimated / 1e9:0.00} GB")));
        }

        return files;
    }

    private static string Sentence(Interference pair)
    {
        string deltas = pair is { PayerDelta: { } paid, GainerDelta: { } gained } ? $": {Numbers.Signed(paid)} against {Numbers.Signed(gained)}" : "";
        string covariances = pair is { PayerCovariance: { } payer, GainerCovariance: { } gainer }
            ? $" (covariance with the training signal {Numbers.Signed(payer, 4)} against {Numbers.Signed(gainer, 4)})"
            : "";
        return $"{pair.Payer} paid for {pair.Gainer}{deltas}{covariances}";
    }

    private static string Measured(double? mean, double? error) =>
        OrDash(mean, Numbers.Score) + (mean is not null && error is { } se ? " ± " + se.ToString("0.000", CultureInfo.InvariantCulture) : "");

    private static string Change(double? before, double? after, int decimals) => OrDash(after - before, d => Numbers.Signed(d, decimals));

    private static string OrDash(double? value, Func<double, string> format) => value is { } number && double.IsFinite(number) ? format(number) : "-";
}
