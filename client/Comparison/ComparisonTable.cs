using System.Globalization;
using Ctwa.Client.Output;

namespace Ctwa.Client.Comparison;

/// <summary>The two tables of a comparison as cells; terminal and Markdown only lay them out.</summary>
internal static class ComparisonTable
{
    /// <summary>Header and one row per job: means over its seeds, with the sample standard deviation where there are several.</summary>
    public static List<string[]> Jobs(ComparisonReport report)
    {
        List<string[]> rows = [["method", "seeds", .. report.Objectives, "worst gain", "hypervolume", "interference", "forward", "backward", "seconds"]];
        rows.AddRange(report.Jobs.Select(job => (string[])
        [
            Name(job),
            job.Finished == job.Runs.Count ? Whole(job.Finished) : $"{Whole(job.Finished)} of {Whole(job.Runs.Count)}",
            .. report.Objectives.Select(name => Objective(job.Objective(name))),
            Cell(job.WorstGain, value => Numbers.Signed(value, 2), TwoDecimals),
            job.Hypervolume is { } volume ? $"{OrDash(job.HypervolumeBefore?.Mean, TwoDecimals)} → {Cell(volume, TwoDecimals, TwoDecimals)}" : "-",
            Cell(job.InterferenceRate, Percent, Percent),
            Cell(job.ForwardPasses, Plain, null),
            Cell(job.BackwardPasses, Plain, null),
            Cell(job.Seconds, Plain, null),
        ]));
        return rows;
    }

    /// <summary>Header and one row per run that finished.</summary>
    public static List<string[]> Runs(ComparisonReport report)
    {
        List<string[]> rows = [["method", "seed", .. report.Objectives, "length", "worst gain", "hypervolume", "interference", "forward", "backward", "seconds", "model.safetensors"]];
        foreach (var job in report.Jobs)
        {
            foreach (var run in job.Runs)
            {
                if (run.Measures is not { } measures) { continue; }
                rows.Add(
                [
                    Name(job),
                    run.Run.Seed.ToString(CultureInfo.InvariantCulture),
                    .. report.Objectives.Select(name => measures.Objectives.FirstOrDefault(objective => objective.Name == name) is { } objective ? $"{OrDash(objective.Before, TwoDecimals)} → {OrDash(objective.After, TwoDecimals)}{Sign(objective.Verdict)}" : "-"),
                    measures.Length is { } length ? $"{OrDash(length.Before, Numbers.One)} → {OrDash(length.After, Numbers.One)}" : "-",
                    OrDash(measures.WorstGain, value => Numbers.Signed(value, 2)),
                    OrDash(measures.Hypervolume?.After, TwoDecimals),
                    OrDash(measures.InterferenceRate, Percent),
                    OrDash(measures.Cost?.ForwardPasses, Plain),
                    OrDash(measures.Cost?.BackwardPasses, Plain),
                    OrDash(measures.Seconds, Plain),
                    measures.ModelSha256 is { Length: >= 12 } hash ? hash[..12] : "-",
                ]);
            }
        }

        return rows;
    }

    /// <summary>One line per run that failed.</summary>
    public static IEnumerable<string> Failures(ComparisonReport report) => report.Runs.Where(run => run.Measures is null)
        .Select(run => FormattableString.Invariant($"{run.Run.Title}: exit code {run.ExitCode}: {run.ErrorLine}"));

    /// <summary>The label, and the method where the label does not say it.</summary>
    public static string Name(JobResult job) => job.Label == job.Method ? job.Label : $"{job.Label} ({job.Method})";

    private static string Objective(ObjectiveResult objective) => objective.After is null ? "-" : $"{OrDash(objective.Before?.Mean, TwoDecimals)} → {Cell(objective.After, TwoDecimals, TwoDecimals)}";

    private static string Cell(Spread? spread, Func<double, string> format, Func<double, string>? deviation) =>
        spread is null ? "-" : format(spread.Mean) + (deviation is not null && spread.Deviation is { } sd ? $" ± {deviation(sd)}" : "");

    private static string OrDash(double? value, Func<double, string> format) => value is { } number && double.IsFinite(number) ? format(number) : "-";

    private static string Sign(string? verdict) => verdict switch { "rose" => " ▲", "fell" => " ▼", "stalled" => " =", _ => "" };

    private static string TwoDecimals(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Percent(double value) => (100 * value).ToString("0", CultureInfo.InvariantCulture) + " %";

    private static string Plain(double value) => value.ToString(Math.Abs(value) < 10 ? "0.0" : "0", CultureInfo.InvariantCulture);

    private static string Whole(int value) => value.ToString(CultureInfo.InvariantCulture);
}
