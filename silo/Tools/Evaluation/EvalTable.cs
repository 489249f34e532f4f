using System.Globalization;
using Ctwa.Training.Evaluation;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Evaluation;

/// <summary>An evaluation for people, within 80 columns unless names are long.</summary>
internal static class EvalTable
{
    public static IEnumerable<string> Lines(EvalResult result)
    {
        var inputs = result.Inputs;
        var settings = inputs.Settings;
        yield return Head("model", Model(result.Model));
        if (result.Baseline is { } baseline) { yield return Head("baseline", Model(baseline)); }
        yield return Head("data", $"{Data(inputs)}: {Count(inputs.Prompts.Count, "prompt")} x {Count(settings.Samples, "answer")}{(inputs.Dropped > 0 ? $", {Count(inputs.Dropped, "overlong prompt")} left out" : "")}");
        yield return Head("sampling", Sampling(settings));
        if (inputs.Job.Objectives.Any(objective => objective.Reward is ConcisenessRewardSpec))
        {
            yield return Head("conciseness", double.IsFinite(result.Reference.Tokens) ? $"shorter than {One(result.Reference.Tokens)} tokens ({result.Reference.Source})" : $"every answer counts as short ({result.Reference.Source})");
        }

        yield return "";
        foreach (string line in result.Comparison is { } comparison ? Compared(comparison, settings) : Single(result)) { yield return line; }
        yield return "";
        yield return Head("generated", Cost(result.Model.Answers));
        if (result.Baseline is { } other) { yield return Head("", $"{Cost(other.Answers)} (baseline)"); }
    }

    private static IEnumerable<string> Single(EvalResult result)
    {
        var summary = result.Model.Summary;
        int samples = result.Inputs.Settings.Samples;
        List<string[]> rows = [["objective", "metric", "value", Level(result.Inputs.Settings)]];
        foreach (var objective in summary.Objectives)
        {
            // The sizes between 2 and k are in the JSON.
            var shown = objective.Metrics.Where(metric => !metric.Name.Contains('@', StringComparison.Ordinal) || metric.Name.EndsWith(FormattableString.Invariant($"@{samples}"), StringComparison.Ordinal));
            rows.AddRange(shown.Select((metric, i) => (string[])[i == 0 ? objective.Name : "", metric.Name, Three(metric.Value), Interval(metric.Interval, Three)]));
        }

        rows.Add(["answers", "length", One(summary.Length.Value), Interval(summary.Length.Interval, One)]);
        rows.Add(["", "stopped", Three(summary.Stopped.Value), Interval(summary.Stopped.Interval, Three)]);
        foreach (string line in Align(rows, left: 2)) { yield return line; }
        if (summary.ScoredPrompts < result.Inputs.Prompts.Count) { yield return $"scores over {summary.ScoredPrompts} of {result.Inputs.Prompts.Count} prompts: the others have no answer that every objective could score"; }
    }

    private static IEnumerable<string> Compared(BaselineComparison comparison, EvaluationSettings settings)
    {
        List<string[]> rows = [["", "model", "baseline", "difference", Level(settings), "p", "won", "tied", "lost"]];
        foreach (var row in comparison.Rows)
        {
            bool length = row == comparison.Rows[^1];
            string Number(double value) => length ? One(value) : Three(value);
            rows.Add([row.Name, Number(row.Mean), Number(row.Baseline), Signed(row.Difference, length), Interval(row.Interval, value => Signed(value, length)), P(row.Test), .. length ? (string[])["-", "-", "-"] : [Whole(row.Wins), Whole(row.Ties), Whole(row.Losses)]]);
        }

        foreach (string line in Align(rows, left: 1)) { yield return line; }
        yield return FormattableString.Invariant($"paired over {Count(comparison.Prompts, "prompt")}; difference is model minus baseline; p: two-sided sign-flip test");
        if (comparison.Rows.Count > 2) { yield return "p is of each row alone; with several objectives some row is small by chance more often"; }
    }

    private static string Model(EvaluatedModel model) => $"{Shown(model.Model.Location.Folder)}, sha256 {model.Answers.Sha256[..12]}";

    private static string Data(EvalInputs inputs) => inputs.Data.Path is { } path ? Shown(path) : inputs.Data.Task is { } ? FormattableString.Invariant($"task arithmetic, {inputs.Data.MinTerms} to {inputs.Data.MaxTerms} terms{(inputs.JobFile is null || inputs.DataName.StartsWith('-') ? "" : $" ({inputs.DataName})")}") : inputs.DataName;

    private static string Sampling(EvaluationSettings settings) => FormattableString.Invariant($"temperature {settings.Temperature:0.###}") +
        (settings.TopK > 0 ? FormattableString.Invariant($", top-k {settings.TopK}") : "") + (settings.TopP < 1 ? FormattableString.Invariant($", top-p {settings.TopP:0.###}") : "") +
        FormattableString.Invariant($", at most {Count(settings.MaxNewTokens, "token")}, seed {settings.Seed}, {Count(settings.PromptsPerBatch, "prompt")} a batch");

    private static string Cost(GeneratedAnswers answers) => FormattableString.Invariant($"{answers.Tokens} tokens in {answers.Seconds:0.0} s, {answers.Tokens / Math.Max(answers.Seconds, 1e-9):0} tokens/s");

    /// <summary>The path from here, if that is shorter.</summary>
    public static string Shown(string path) => Path.GetRelativePath(Environment.CurrentDirectory, path) is var near && near.Length < path.Length ? near : path;

    private static string Level(EvaluationSettings settings) => FormattableString.Invariant($"{100 * settings.Level:0.#} % interval");

    private static string Interval(ConfidenceInterval? interval, Func<double, string> number) => interval is { } range ? $"{number(range.Low)} .. {number(range.High)}" : "-";

    private static string P(SignFlipResult test) => test.PValue < 0.0001 ? "<0.0001" : test.PValue.ToString("0.0000", CultureInfo.InvariantCulture);

    private static string Signed(double value, bool length) => value.ToString(length ? "+0.0;-0.0;0.0" : "+0.000;-0.000;0.000", CultureInfo.InvariantCulture);

    private static string Three(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private static string One(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    private static string Whole(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Count(int count, string what) => FormattableString.Invariant($"{count} {what}{(count == 1 ? "" : "s")}");

    private static string Head(string name, string text) => $"{name,-13}{text}";

    /// <summary>Columns two blanks apart; the first ones to the left, numbers to the right.</summary>
    private static IEnumerable<string> Align(List<string[]> rows, int left)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(c => rows.Max(row => row[c].Length))];
        return rows.Select(row => string.Join("  ", row.Select((cell, c) => c < left ? cell.PadRight(widths[c]) : cell.PadLeft(widths[c]))).TrimEnd());
    }
}
