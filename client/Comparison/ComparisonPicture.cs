using static Ctwa.Client.Comparison.PicturePanels;

namespace Ctwa.Client.Comparison;

/// <summary>
/// A comparison as a picture: one row per method, sorted as the table, and one panel per objective (before and after),
/// then the worst objective's gain, the interference rate and the cost.
/// </summary>
internal sealed class ComparisonPicture
{
    private const int Width = 1200, Bottom = 74, Gap = 32;
    private const string Band = "#f6f7f9";

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

        var panels = new PicturePanels(report, svg).InOrder();
        double unit = (Width - 20 - left - Gap * (panels.Count - 1)) / panels.Sum(panel => panel.Share), x = left;
        foreach (var (share, draw) in panels)
        {
            draw(x, x + share * unit);
            x += share * unit + Gap;
        }

        Failures(left);
        Legend();
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

    private static string Shorten(string text) => text.Length <= 110 ? text : text[..107] + "...";
}
