using Ctwa.Client.Reports.Reading;

namespace Ctwa.Client.Reports.Analysis;

/// <summary>The validations of several runs and which of them form the Pareto front.</summary>
internal static class Validations
{
    /// <summary>Validations per run that a page holds; more do not show on it.</summary>
    private const int MostPerRun = 400;

    /// <summary>Points over which dominance is worked out; it takes the square of them.</summary>
    private const int MostCompared = 6000;

    /// <param name="runs">Runs with the same objectives.</param>
    /// <param name="objectives">Names, shape [M].</param>
    public static IReadOnlyList<ValidationData> Of(IReadOnlyList<RunRecord> runs, IReadOnlyList<string> objectives)
    {
        var rows = runs.Select(run => Rows(run.Metrics.Rl, objectives)).ToList();
        int most = Math.Max(2, Math.Min(MostPerRun, MostCompared / runs.Count));
        // The best validations of a long run must not fall through the net: its own front stays, then an even spread.
        var kept = rows.Select(run => Choose(run, most)).ToList();
        var all = kept.SelectMany(run => run).Select(row => row.Mean).Where(IsComplete).ToList();
        return [.. kept.Select((run, r) => new ValidationData(
            [.. run.Select(row => row.Step)], [.. run.Select(row => row.Mean)], [.. run.Select(row => row.Error)],
            [.. run.Select(row => IsComplete(row.Mean) && !all.Any(other => Dominates(other, row.Mean)))],
            Reference(runs[r], objectives), rows[r].Count))];
    }

    private static List<Row> Choose(List<Row> rows, int most)
    {
        if (rows.Count <= most) { return rows; }
        var chosen = new SortedSet<int>(Thinning.Spread(rows.Count, most / 2));
        var comparable = Enumerable.Range(0, rows.Count).Where(i => IsComplete(rows[i].Mean)).TakeLast(MostCompared).ToList();
        foreach (int i in comparable.Where(i => !comparable.Any(other => Dominates(rows[other].Mean, rows[i].Mean))).TakeLast(most / 2)) { chosen.Add(i); }
        return [.. chosen.Select(i => rows[i])];
    }

    private static bool IsComplete(double?[] mean) => mean.Length > 0 && mean.All(value => value is not null);

    /// <summary>At least as good in all objectives and better in one.</summary>
    private static bool Dominates(double?[] one, double?[] other)
    {
        bool better = false;
        for (int j = 0; j < one.Length; j++)
        {
            if (one[j] < other[j]) { return false; }
            better |= one[j] > other[j];
        }

        return better;
    }

    private static List<Row> Rows(StageMetrics metrics, IReadOnlyList<string> objectives)
    {
        MetricSeries?[] means = [.. objectives.Select(name => metrics[$"validation/{name}/mean"])];
        MetricSeries?[] errors = [.. objectives.Select(name => metrics[$"validation/{name}/standard_error"])];
        return [.. means.OfType<MetricSeries>().SelectMany(series => series.Steps).Distinct().Order()
            .Select(step => new Row(step, [.. means.Select(series => series?.At(step))], [.. errors.Select(series => series?.At(step))]))];
    }

    private static IReadOnlyList<double>? Reference(RunRecord run, IReadOnlyList<string> objectives)
    {
        try { return run.Job?.Diagnostics.HypervolumeReference.Expand(run.Job.Objectives.Count) is { } point ? [.. objectives.Select(name => point[Place(run, name)])] : null; }
        catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException) { return null; }
    }

    // Runs may list the objectives in another order.
    private static int Place(RunRecord run, string name) => run.Objectives.Index().First(one => one.Item == name).Index;

    private sealed record Row(int Step, double?[] Mean, double?[] Error);
}
