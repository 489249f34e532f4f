namespace Ctwa.Silo.Tools.Data;

/// <summary>Least, mean, median, 95th percentile (nearest rank) and greatest of some lengths.</summary>
internal sealed record LengthSummary(int Min, double Mean, int P50, int P95, int Max)
{
    /// <summary>Null: there are none.</summary>
    public static LengthSummary? Of(IReadOnlyList<int> lengths)
    {
        if (lengths.Count == 0) { return null; }
        int[] sorted = [.. lengths.Order()];
        int Rank(int percent) => sorted[(int)(((long)sorted.Length * percent + 99) / 100) - 1];
        return new(sorted[0], sorted.Average(), Rank(50), Rank(95), sorted[^1]);
    }
}
