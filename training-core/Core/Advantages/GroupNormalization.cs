namespace Ctwa.Training.Advantages;

/// <summary>Scores relative to those of the same prompt.</summary>
internal static class GroupNormalization
{
    /// <summary>Keeps a division by a tiny standard deviation finite; the reference's value.</summary>
    internal const double StdFloor = 1e-6;

    /// <summary>1 + 1e-6 as the reference has it for a group of one: in float32, whatever the type of the scores.</summary>
    private const double LoneDivisor = 1f + 1e-6f;

    /// <summary>(score − group mean) / (group standard deviation + 1e-6), unbiased standard deviation, float64.</summary>
    /// <param name="scores">Shape [B].</param>
    /// <param name="groups">Shape [B]; equal numbers form a group.</param>
    /// <param name="valid">Shape [B]: where false, the score counts for nothing and the result is 0. Empty: all are valid.</param>
    /// <param name="normalizeByStd">False: subtract the mean only.</param>
    /// <param name="keepLoneReward">What a group of one gives: 0, or (as the reference) its score / (1 + 1e-6), without <paramref name="normalizeByStd"/> its score.</param>
    public static double[] Normalize(
        ReadOnlySpan<double> scores, ReadOnlySpan<int> groups, ReadOnlySpan<bool> valid, bool normalizeByStd, bool keepLoneReward = false)
    {
        var members = new Dictionary<int, List<int>>();
        for (int i = 0; i < scores.Length; i++)
        {
            if (!valid.IsEmpty && !valid[i]) { continue; }
            if (!members.TryGetValue(groups[i], out var group)) { members[groups[i]] = group = []; }
            group.Add(i);
        }

        double[] values = new double[scores.Length];
        foreach (var group in members.Values)
        {
            if (group.Count == 1)
            {
                if (keepLoneReward) { values[group[0]] = scores[group[0]] / (normalizeByStd ? LoneDivisor : 1); }
                continue;
            }

            double mean = 0, smallest = double.PositiveInfinity, largest = double.NegativeInfinity, squares = 0;
            foreach (int i in group)
            {
                mean += scores[i];
                smallest = Math.Min(smallest, scores[i]);
                largest = Math.Max(largest, scores[i]);
            }

            // Equal scores carry no signal; the rounding of their mean, divided by 1e-6, would be one.
            if (smallest == largest) { continue; }
            mean /= group.Count;
            foreach (int i in group) { squares += (scores[i] - mean) * (scores[i] - mean); }
            double divisor = normalizeByStd ? Math.Sqrt(squares / (group.Count - 1)) + StdFloor : 1;
            foreach (int i in group) { values[i] = (scores[i] - mean) / divisor; }
        }

        return values;
    }
}
