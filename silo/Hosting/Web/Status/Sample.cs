namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>Takes some points of a long series: evenly, the last one always.</summary>
internal static class Sample
{
    /// <summary>Points of a sparkline and of a series in JSON.</summary>
    public const int MostPoints = 60;

    public static IReadOnlyList<T> Of<T>(IReadOnlyList<T> all)
    {
        if (all.Count <= MostPoints) { return all; }
        int stride = (all.Count + MostPoints - 1) / MostPoints;
        // From the end, so that the newest is among them.
        return [.. Enumerable.Range(0, (all.Count + stride - 1) / stride).Select(i => all[all.Count - 1 - (i * stride)]).Reverse()];
    }
}
