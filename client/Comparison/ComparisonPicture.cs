namespace Ctwa.Client.Comparison;

/// <summary>
/// A comparison as a picture: one row per method, sorted as the table, and one panel per objective (before and after),
/// then the worst objective's gain, the interference rate and the cost.
/// </summary>
internal sealed class ComparisonPicture
{
    private const int Width = 1200, RowHeight = 26, Top = 112, Bottom = 74, Gap = 32;
    private const string Up = "#0072b2", Down = "#d55e00", Grey = "#8a8f98", Ink = "#222222", Faint = "#e6e8ec", Band = "#f6f7f9", Forward = "#9ecae1", Backward = "#4a6fa5";

    private readonly ComparisonReport report;
    private readonly Svg svg;
    private readonly int end;

    private ComparisonPicture(ComparisonReport report)
    {
        this.report = report;
        end = Top + RowHeight * report.Jobs.Count;
        svg = new Svg(Width, end + Bottom);
    }

    /// <returns>The SVG document.</returns>
    public static string Write(ComparisonReport report)
    {
        var picture = new ComparisonPicture(report);
        picture.Draw();
        return picture.svg.ToText($"Comparison of {string.Join(", ", report.Jobs.Select(ComparisonTable.Name))}");
    }

    private void Draw()
    {
        svg.Text(20, 32, FormattableString.Invariant($"{report.Jobs.Count} method{(report.Jobs.Count == 1 ? "" : "s")} under one budget, {report.Seeds.Count} seed{(report.Seeds.Count == 1 ? "" : "s")} each"), 18, bold: true);
        svg.Text(20, 54, report.Budget, 11.5, fill: "#555555");
        int left = 24 + (int)(7.6 * report.Jobs.Max(job => ComparisonTable.Name(job).Length));
        for (int row = 0; row < report.Jobs.Count; row++)
        {
            if (row % 2 == 0) { svg.Box(12, Top + RowHeight * row, Width - 24, RowHeight, Band); }
            svg.Text(left - 8, Middle(row) + 4, ComparisonTable.Name(report.Jobs[row]), 12.5, "end");
        }

        (double Share, Action<double, double> Draw)[] panels =
        [
            .. report.Objectives.Select(name => (1.0, (Action<double, double>)((from, to) => Objective(name, from, to)))),
            (1.0, WorstGain),
            .. report.Jobs.Any(job => job.InterferenceRate is not null) ? [(0.65, Interference)] : Array.Empty<(double, Action<double, double>)>(),
            .. report.Jobs.Any(job => job.BackwardPasses is not null) ? [(0.8, Cost)] : report.Jobs.Any(job => job.Seconds is not null) ? [(0.8, Seconds)] : Array.Empty<(double, Action<double, double>)>(),
        ];
        double unit = (Width - 20 - left - Gap * (panels.Length - 1)) / panels.Sum(panel => panel.Share), x = left;
        foreach (var (share, draw) in panels)
        {
            draw(x, x + share * unit);
            x += share * unit + Gap;
        }

        Failures(left);
        Legend();
    }

    private void Objective(string name, double from, double to)
    {
        var results = report.Jobs.Select(job => job.Objective(name)).ToArray();
        double[] scores = [.. results.SelectMany(result => result.Seeds).SelectMany(seed => new[] { seed.Before, seed.After }).OfType<double>()];
        // Most scores are shares; one scale for all of them makes panels comparable.
        var axis = Axis.Over(scores.All(score => score is >= 0 and <= 1) ? [.. scores, 1] : scores, from, to);
        Panel(axis, name, "held-out score");
        for (int row = 0; row < results.Length; row++)
        {
            if (results[row] is not { After: { } after } result) { continue; }
            double y = Middle(row);
            string colour = result.Before is not { } before || Math.Abs(after.Mean - before.Mean) < 0.005 ? Grey : after.Mean > before.Mean ? Up : Down;
            if (result.Before is { } start)
            {
                svg.Line(axis.At(start.Mean), y, axis.At(after.Mean), y, colour, 2.5);
                svg.Dot(axis.At(start.Mean), y, 3.6, "#ffffff", Grey);
            }

            foreach (var seed in result.Seeds.Where(seed => result.Seeds.Count > 1 && seed.After is not null)) { svg.Dot(axis.At(seed.After!.Value), y, 2.6, colour, opacity: 0.4); }
            svg.Dot(axis.At(after.Mean), y, 4.6, colour);
        }
    }

    private void WorstGain(double from, double to)
    {
        var axis = Axis.Over(report.Jobs.SelectMany(job => job.Runs).Select(run => run.Measures?.WorstGain).OfType<double>(), from, to);
        Panel(axis, "worst objective", "gain of the least gainer");
        svg.Line(axis.At(0), Top, axis.At(0), end, Grey);
        Bars(job => job.WorstGain, axis, value => value < 0 ? Down : Up);
        for (int row = 0; row < report.Jobs.Count; row++)
        {
            foreach (double value in report.Jobs[row].Runs.Select(run => run.Measures?.WorstGain).OfType<double>()) { svg.Dot(axis.At(value), Middle(row), 2.6, Ink, opacity: 0.55); }
        }
    }

    private void Interference(double from, double to)
    {
        var axis = Axis.Over(report.Jobs.Select(job => job.InterferenceRate?.Mean * 100).OfType<double>(), from, to);
        Panel(axis, "interference", "% of measured steps");
        Bars(job => job.InterferenceRate is { } rate ? rate with { Mean = rate.Mean * 100 } : null, axis, _ => Grey);
    }

    private void Cost(double from, double to)
    {
        var axis = Axis.Over(report.Jobs.Select(job => job.ForwardPasses?.Mean + job.BackwardPasses?.Mean).OfType<double>(), from, to);
        Panel(axis, "cost", "forward + backward passes");
        for (int row = 0; row < report.Jobs.Count; row++)
        {
            if (report.Jobs[row] is not { ForwardPasses: { } forward, BackwardPasses: { } backward }) { continue; }
            double middle = axis.At(forward.Mean);
            svg.Box(axis.At(0), Middle(row) - 6, middle - axis.At(0), 12, Forward);
            svg.Box(middle, Middle(row) - 6, axis.At(forward.Mean + backward.Mean) - middle, 12, Backward);
        }
    }

    private void Seconds(double from, double to)
    {
        var axis = Axis.Over(report.Jobs.Select(job => job.Seconds?.Mean).OfType<double>(), from, to);
        Panel(axis, "time", "seconds of RL steps");
        Bars(job => job.Seconds, axis, _ => Backward);
    }

    private void Bars(Func<JobResult, Spread?> value, Axis axis, Func<double, string> colour)
    {
        for (int row = 0; row < report.Jobs.Count; row++)
        {
            if (value(report.Jobs[row]) is not { } spread) { continue; }
            double zero = axis.At(0), at = axis.At(spread.Mean);
            svg.Box(Math.Min(zero, at), Middle(row) - 6, Math.Abs(at - zero), 12, colour(spread.Mean), 0.75);
        }
    }

    private void Panel(Axis axis, string title, string unit)
    {
        svg.Text((axis.Left + axis.Right) / 2, Top - 34, title, 13, "middle", bold: true);
        svg.Text((axis.Left + axis.Right) / 2, Top - 19, unit, 10.5, "middle", "#555555");
        foreach (double tick in axis.Ticks)
        {
            svg.Line(axis.At(tick), Top, axis.At(tick), end, Faint);
            svg.Text(axis.At(tick), Top - 4, Axis.Label(tick), 10, "middle", "#777777");
            svg.Text(axis.At(tick), end + 14, Axis.Label(tick), 10, "middle", "#777777");
        }
    }

    private void Failures(double left)
    {
        for (int row = 0; row < report.Jobs.Count; row++)
        {
            var job = report.Jobs[row];
            if (job.Finished == job.Runs.Count) { continue; }
            string text = FormattableString.Invariant($"{job.Runs.Count - job.Finished} of {job.Runs.Count} runs failed");
            if (job.Finished == 0) { svg.Text(left + 4, Middle(row) + 4, $"{text}: {Shorten(job.Runs[0].ErrorLine ?? "")}", 11.5, fill: Down); }
            else { svg.Text(Width - 16, Middle(row) + 4, text, 10, "end", Down); }
        }
    }

    private void Legend()
    {
        double y = end + 42, x = 20;
        void Entry(Action<double> draw, string text)
        {
            draw(x + 8);
            svg.Text(x + 22, y + 4, text, 11.5, fill: "#444444");
            x += 36 + 6.6 * text.Length;
        }

        Entry(at => svg.Dot(at, y, 3.6, "#ffffff", Grey), "before RL");
        Entry(at => svg.Dot(at, y, 4.6, Up), "after, rose");
        Entry(at => svg.Dot(at, y, 4.6, Down), "after, fell");
        if (report.Seeds.Count > 1) { Entry(at => svg.Dot(at, y, 2.6, Ink, opacity: 0.45), "one seed"); }
        if (report.Jobs.Any(job => job.BackwardPasses is not null))
        {
            Entry(at => svg.Box(at - 6, y - 6, 12, 12, Forward), "forward passes");
            Entry(at => svg.Box(at - 6, y - 6, 12, 12, Backward), "backward passes");
        }

        svg.Text(20, y + 24, "Large dots and bars: means over seeds. Rows are sorted by the mean gain of the worst objective.", 11, fill: "#777777");
    }

    private static double Middle(int row) => Top + RowHeight * (row + 0.5);

    private static string Shorten(string text) => text.Length <= 110 ? text : text[..107] + "...";
}
