using Ctwa.Client.Reports.Reading;

namespace Ctwa.Client.Reports.Analysis;

/// <summary>The series of a stage as a page embeds them.</summary>
internal static class StagePoints
{
    /// <summary>Series of a run that a page holds; what a method adds comes last in a line and goes first.</summary>
    public const int MostSeries = 400;

    /// <summary>Shown elsewhere, as counts or heat maps: as series they would be most of the page with many objectives.</summary>
    private static bool IsShownElsewhere(string name) => name.StartsWith("gradient/cosine/", StringComparison.Ordinal) || name.StartsWith("interference/pair/", StringComparison.Ordinal);

    /// <summary>Names of the series that a page holds.</summary>
    public static IReadOnlyList<string> Names(StageMetrics metrics) => [.. metrics.Names.Where(name => !IsShownElsewhere(name)).Take(MostSeries)];

    /// <param name="metrics">The stage.</param>
    /// <param name="most">Points per series.</param>
    public static StageData Of(StageMetrics metrics, int most)
    {
        var names = Names(metrics);
        var axes = new List<IReadOnlyList<int>>();
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        var series = new Dictionary<string, SeriesData>(StringComparer.Ordinal);
        bool thinned = false;
        foreach (string name in names)
        {
            var all = metrics[name]!;
            int[] kept = Thinning.Keep(all.Values, most);
            thinned |= kept.Length < all.Count;
            int[] steps = [.. kept.Select(i => all.Steps[i])];
            string key = string.Join(',', steps);
            if (!known.TryGetValue(key, out int axis))
            {
                known[key] = axis = axes.Count;
                axes.Add(steps);
            }

            series[name] = new SeriesData(axis, [.. kept.Select(i => all.Values[i])]);
        }

        return new StageData(axes, series, thinned ? most : null, metrics.Names.Count(name => !IsShownElsewhere(name)) - names.Count);
    }
}
