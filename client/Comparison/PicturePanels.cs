namespace Ctwa.Client.Comparison;

/// <summary>The panels of a <see cref="ComparisonPicture"/>: each draws one quantity of every method, row by row, between two columns of pixels.</summary>
internal sealed class PicturePanels(ComparisonReport report, Svg svg)
{
    /// <summary>Pixels above the first row, and of each row.</summary>
    public const int Top = 112, RowHeight = 26;

    /// <summary>Colours, told apart by people who see few.</summary>
    public const string Up = "#0072b2", Down = "#d55e00", Grey = "#8a8f98", Ink = "#222222", Forward = "#9ecae1", Backward = "#4a6fa5";

    private const string Faint = "#e6e8ec";

    private readonly int end = Top + RowHeight * report.Jobs.Count;

    /// <summary>Those that the report has numbers for, from left to right, with their share of the width.</summary>
    public IReadOnlyList<(double Share, Action<double, double> Draw)> InOrder()
    {
        var panels = new List<(double, Action<double, double>)>();
        panels.AddRange(report.Objectives.Select(name => (1.0, (Action<double, double>)((from, to) => Objective(name, from, to)))));
        panels.Add((1.0, WorstGain));
        if (report.Jobs.Any(job => job.InterferenceRate is not null)) { panels.Add((0.65, Interference)); }
        if (report.Jobs.Any(job => job.BackwardPasses is not null)) { panels.Add((0.8, Cost)); }
        else if (report.Jobs.Any(job => job.Seconds is not null)) { panels.Add((0.8, Seconds)); }
        return panels;
    }

    /// <summary>Vertical middle of a row.</summary>
    public static double Middle(int row) => Top + RowHeight * (row + 0.5);

    private void Objective(string name, double from, double to)
    {
        var results = report.Jobs.Select(job => job.Objective(name)).ToArray();
        double[] scores = [.. results.SelectMany(result => result.Seeds).SelectMany(seed => new[] { seed.Before, seed.After }).OfType<double>()];
        // Most scores are shares; one scale for all of them makes panels comparable.
        var axis = Axis.Over(scores.All(score => score is >= 0 and <= 1) ? [.. scores, 1] : scores, from, to);
        Frame(axis, name, "held-out score");
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
        Frame(axis, "worst objective", "gain of the least gainer");
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
        Frame(axis, "interference", "% of measured steps");
        Bars(job => job.InterferenceRate is { } rate ? rate with { Mean = rate.Mean * 100 } : null, axis, _ => Grey);
    }

    private void Cost(double from, double to)
    {
        var axis = Axis.Over(report.Jobs.Select(job => job.ForwardPasses?.Mean + job.BackwardPasses?.Mean).OfType<double>(), from, to);
        Frame(axis, "cost", "forward + backward passes");
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
        Frame(axis, "time", "seconds of RL steps");
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

    private void Frame(Axis axis, string title, string unit)
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
}
