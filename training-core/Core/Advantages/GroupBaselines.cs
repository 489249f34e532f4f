using Ctwa.Training.Specification;

namespace Ctwa.Training.Advantages;

/// <summary>
/// Estimators that compare one reward per response with those of the same prompt, in float64. A response alone in its
/// group has nothing to be compared with and gets 0; so does a group whose rewards are all equal.
/// </summary>
internal static class GroupBaselines
{
    /// <summary>Advantage of each response before any whitening, shape [B]; 0 where dropped.</summary>
    /// <param name="estimator">One that compares the responses of a prompt.</param>
    /// <param name="scores">Shape [B].</param>
    /// <param name="lengths">In tokens, shape [B].</param>
    /// <param name="groups">Shape [B]; equal numbers form a group.</param>
    /// <param name="valid">Shape [B]; empty: all are valid.</param>
    /// <param name="normalizeByStd">grpo and grpo_passk: divide by the group's unbiased standard deviation + 1e-6.</param>
    /// <param name="reference">The reference implementation's arithmetic: see <see cref="SampleFactor"/>, and a response alone in its group keeps its reward.</param>
    /// <exception cref="ArgumentException">The estimator is another, or the reference refuses a group of one (grpo_passk).</exception>
    public static double[] Advantages(
        AdvantageEstimator estimator, ReadOnlySpan<double> scores, ReadOnlySpan<int> lengths, ReadOnlySpan<int> groups, ReadOnlySpan<bool> valid, bool normalizeByStd, bool reference = false)
    {
        if (estimator == AdvantageEstimator.Grpo) { return GroupNormalization.Normalize(scores, groups, valid, normalizeByStd, reference); }
        double factor = estimator == AdvantageEstimator.Gpg ? SampleFactor(scores, groups, valid, reference) : 1;
        double[] values = new double[scores.Length];
        foreach (var group in Members(groups, valid))
        {
            if (group.Count == 1)
            {
                if (reference && estimator == AdvantageEstimator.GrpoPassk) { throw new ArgumentException($"grpo_passk needs at least 2 samples per group, got 1 for group {groups[group[0]]}.", nameof(groups)); }
                if (reference) { values[group[0]] = scores[group[0]] * factor; }
                continue;
            }

            // Equal scores carry no signal; the rounding of their mean would be one after whitening.
            if (AreEqual(scores, group)) { continue; }
            switch (estimator)
            {
                case AdvantageEstimator.GrpoPassk: Lead(scores, group, normalizeByStd, values); break;
                case AdvantageEstimator.Rloo: Subtract(scores, group, Mean(scores, group, []), (double)group.Count / (group.Count - 1), values); break;
                case AdvantageEstimator.Opo: Subtract(scores, group, Mean(scores, group, lengths), 1, values); break;
                case AdvantageEstimator.Gpg or AdvantageEstimator.ReinforcePlusPlusBaseline: Subtract(scores, group, Mean(scores, group, []), factor, values); break;
                default: throw new ArgumentException($"{estimator} does not compare the responses of a prompt.", nameof(estimator));
            }
        }

        return values;
    }

    /// <summary>
    /// GPG's α (arXiv 2504.02546, equation 9): samples over samples of groups whose rewards differ, since the others add
    /// nothing to the gradient but count in its mean. The reference divides by the number of non-zero rewards instead.
    /// </summary>
    private static double SampleFactor(ReadOnlySpan<double> scores, ReadOnlySpan<int> groups, ReadOnlySpan<bool> valid, bool reference)
    {
        int all = 0, counted = 0;
        foreach (var group in Members(groups, valid))
        {
            all += group.Count;
            foreach (int i in group) { counted += (reference ? scores[i] != 0 : !AreEqual(scores, group)) ? 1 : 0; }
        }

        return (double)all / Math.Max(counted, 1);
    }

    private static void Lead(ReadOnlySpan<double> scores, List<int> group, bool normalizeByStd, double[] values)
    {
        int best = group[0];
        foreach (int i in group) { best = scores[i] > scores[best] ? i : best; }
        double second = double.NegativeInfinity, mean = Mean(scores, group, []), squares = 0;
        foreach (int i in group)
        {
            if (i != best) { second = Math.Max(second, scores[i]); }
            squares += (scores[i] - mean) * (scores[i] - mean);
        }

        values[best] = (scores[best] - second) / (normalizeByStd ? Math.Sqrt(squares / (group.Count - 1)) + GroupNormalization.StdFloor : 1);
    }

    private static void Subtract(ReadOnlySpan<double> scores, List<int> group, double baseline, double factor, double[] values)
    {
        foreach (int i in group) { values[i] = (scores[i] - baseline) * factor; }
    }

    /// <summary>Mean of a group, weighted by length if lengths are given; 0 where all are empty.</summary>
    private static double Mean(ReadOnlySpan<double> scores, List<int> group, ReadOnlySpan<int> lengths)
    {
        double sum = 0, weight = 0;
        foreach (int i in group)
        {
            double one = lengths.IsEmpty ? 1 : lengths[i];
            sum += one * scores[i];
            weight += one;
        }

        return weight == 0 ? 0 : sum / weight;
    }

    private static bool AreEqual(ReadOnlySpan<double> scores, List<int> group)
    {
        foreach (int i in group)
        {
            if (scores[i] != scores[group[0]]) { return false; }
        }

        return true;
    }

    private static Dictionary<int, List<int>>.ValueCollection Members(ReadOnlySpan<int> groups, ReadOnlySpan<bool> valid)
    {
        var members = new Dictionary<int, List<int>>();
        for (int i = 0; i < groups.Length; i++)
        {
            if (!valid.IsEmpty && !valid[i]) { continue; }
            if (!members.TryGetValue(groups[i], out var group)) { members[groups[i]] = group = []; }
            group.Add(i);
        }

        return members.Values;
    }
}
