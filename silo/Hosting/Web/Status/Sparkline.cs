using System.Globalization;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>A small curve with its text equivalent.</summary>
internal static class Sparkline
{
    private const int Width = 120, Height = 28, Margin = 3;

    /// <param name="name">What it shows, for those who do not see it.</param>
    /// <param name="points">Step and value, oldest first; at least one.</param>
    public static Html Of(string name, IReadOnlyList<(int Step, MetricNumber Mean)> points)
    {
        var some = Sample.Of(points);
        double low = some.Min(point => point.Mean.Value), high = some.Max(point => point.Mean.Value);
        int first = some[0].Step, last = some[^1].Step;
        double X(int step) => last == first ? Width / 2.0 : Margin + ((Width - (2.0 * Margin)) * (step - first) / (last - first));
        double Y(double value) => high <= low ? Height / 2.0 : Height - Margin - ((Height - (2.0 * Margin)) * (value - low) / (high - low));
        string line = string.Join(' ', some.Select(point => string.Create(CultureInfo.InvariantCulture, $"{X(point.Step):0.#},{Y(point.Mean.Value):0.#}")));
        string text = string.Create(CultureInfo.InvariantCulture, $"{name}: {Figures.Short(some[0].Mean)} at step {first}, {Figures.Short(some[^1].Mean)} at step {last}; lowest {Figures.Short(low)}, highest {Figures.Short(high)}");
        string x = X(last).ToString("0.#", CultureInfo.InvariantCulture), y = Y(some[^1].Mean.Value).ToString("0.#", CultureInfo.InvariantCulture);
        return new Html().Add($"""<svg class="spark" viewBox="0 0 {Width} {Height}" width="{Width}" height="{Height}" role="img" aria-label="{text}"><title>{text}</title><polyline points="{line}"/><circle cx="{x}" cy="{y}" r="2.2"/></svg>""");
    }
}
