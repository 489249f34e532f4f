namespace Ctwa.Client.Reports.Analysis;

/// <summary>
/// Fewer points of a long series for drawing, without hiding a peak: of each stretch of steps the first, the lowest, the highest and the last
/// point stay, as they are. So lines keep their extremes, and every number of a report is a number of metrics.jsonl.
/// </summary>
internal static class Thinning
{
    /// <summary>Points of a stretch.</summary>
    private const int PerStretch = 4;

    /// <summary>Indices of the points that stay, ascending.</summary>
    /// <param name="values">The series.</param>
    /// <param name="most">Points that may stay; at least 4.</param>
    public static int[] Keep(IReadOnlyList<double> values, int most)
    {
        if (values.Count <= most) { return [.. Enumerable.Range(0, values.Count)]; }
        int stretches = Math.Max(1, most / PerStretch);
        var kept = new List<int>(most);
        for (int s = 0; s < stretches; s++)
        {
            int from = (int)((long)values.Count * s / stretches), to = (int)((long)values.Count * (s + 1) / stretches);
            int low = from, high = from;
            for (int i = from + 1; i < to; i++)
            {
                if (values[i] < values[low]) { low = i; }
                if (values[i] > values[high]) { high = i; }
            }

            foreach (int index in new SortedSet<int> { from, low, high, to - 1 }) { kept.Add(index); }
        }

        return [.. kept];
    }

    /// <summary>Evenly spread indices, the first and the last among them.</summary>
    public static int[] Spread(int count, int most) =>
        count <= most ? [.. Enumerable.Range(0, count)] : [.. Enumerable.Range(0, most).Select(i => (int)((long)i * (count - 1) / (most - 1)))];

    /// <summary>The largest number of points per series with which all series together keep within a budget.</summary>
    /// <param name="counts">Points of each series.</param>
    /// <param name="budget">Points altogether.</param>
    /// <param name="least">Never fewer per series than this.</param>
    public static int PointsPerSeries(IReadOnlyCollection<int> counts, int budget, int least)
    {
        long Total(int most) => counts.Sum(count => (long)Math.Min(count, most));
        int low = least, high = Math.Max(least, counts.DefaultIfEmpty().Max());
        if (Total(high) <= budget) { return high; }
        while (high - low > 1)
        {
            int middle = low + (high - low) / 2;
            if (Total(middle) <= budget) { low = middle; } else { high = middle; }
        }

        return low;
    }
}
