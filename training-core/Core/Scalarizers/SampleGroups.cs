namespace Ctwa.Training.Scalarizers;

/// <summary>Samples of a batch by the prompt that they answer.</summary>
internal static class SampleGroups
{
    /// <summary>Groups of two or more kept samples, in order of first appearance; each holds sample indices in batch order.</summary>
    public static List<int[]> OfTwoOrMore(ReadOnlySpan<int> groups, ReadOnlySpan<bool> keep)
    {
        var members = new Dictionary<int, List<int>>();
        var order = new List<List<int>>();
        for (int b = 0; b < groups.Length; b++)
        {
            if (!keep[b]) { continue; }
            if (!members.TryGetValue(groups[b], out var list)) { order.Add(members[groups[b]] = list = []); }
            list.Add(b);
        }

        return [.. order.Where(list => list.Count >= 2).Select(list => list.ToArray())];
    }
}
