using System.Text.Json;
using Ctwa.Client.Output;
using Ctwa.Client.Reports.Analysis;

namespace Ctwa.Client.Reports;

/// <summary>What <c>ctwa report</c> prints: the ranking and the files.</summary>
/// <param name="Data">What the page shows.</param>
/// <param name="Files">Absolute paths of what was written.</param>
internal sealed record ReportResult(ReportData Data, IReadOnlyList<string> Files)
{
    private static readonly JsonSerializerOptions json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Data.Objectives,
            Runs = Data.Runs.Select(run => new
            {
                run.Rank, run.Label, run.Path, run.Method, run.Mode, run.Seed, run.Steps, run.StepsTotal, run.Finished, run.WorstGain,
                Before = ByObjective(run, 0), After = ByObjective(run, run.Validation.Steps.Count - 1), Hypervolume = Last(run, "validation/hypervolume"),
                InterferenceSteps = run.Interference.EventSteps, MeasuredSteps = run.Interference.Measured, run.Notes,
            }),
            Files,
        },
        json);

    /// <summary>A table for terminals.</summary>
    public IEnumerable<string> Table()
    {
        List<string[]> rows = [["run", "step", .. Data.Objectives, "worst gain", "hypervolume", "method"]];
        foreach (var run in Data.Runs)
        {
            rows.Add([
                Plain(run.Label), run.StepsTotal is { } total ? FormattableString.Invariant($"{run.Steps}/{total}") : FormattableString.Invariant($"{run.Steps}"),
                .. Data.Objectives.Select((_, j) => run.Validation.Steps.Count == 0 ? "-" : $"{Shown(run.Validation.Mean[0][j])} → {Shown(run.Validation.Mean[^1][j])}"),
                run.WorstGain is { } gain ? Numbers.Signed(gain) : "-", Shown(Last(run, "validation/hypervolume")), run.Method ?? "-",
            ]);
        }

        return TextTable.Align(rows, lastToTheLeft: true);
    }

    /// <summary>A text from a file or a folder's name, without what a terminal would obey.</summary>
    public static string Plain(string text) => text.Any(char.IsControl) ? new string([.. text.Select(c => char.IsControl(c) ? '?' : c)]) : text;

    private static string Shown(double? value) => value is { } number ? Numbers.Score(number) : "-";

    private static double? Last(RunData run, string name) => run.Rl.Series.TryGetValue(name, out var series) && series.V.Count > 0 ? series.V[^1] : null;

    private Dictionary<string, double?>? ByObjective(RunData run, int validation) =>
        validation < 0 ? null : Data.Objectives.Index().ToDictionary(one => one.Item, one => run.Validation.Mean[validation][one.Index]);
}
