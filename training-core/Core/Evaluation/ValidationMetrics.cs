using Ctwa.Training.Randomness;

namespace Ctwa.Training.Evaluation;

/// <summary>Mean and population standard deviation of a metric.</summary>
public readonly record struct MetricMoments(double Mean, double Deviation)
{
    /// <summary>Of some values.</summary>
    public static MetricMoments Of(IReadOnlyCollection<double> values)
    {
        double mean = values.Average();
        return new(mean, Math.Sqrt(values.Average(value => (value - mean) * (value - mean))));
    }
}

/// <summary>
/// What k answers to a prompt are worth: mean, spread, best, worst and majority of k, k drawn with replacement from the
/// answers there are. Best and worst are exact; the majority is drawn, since its exact value has no short formula.
/// </summary>
public static class ValidationMetrics
{
    private const int Draws = 1000;

    /// <summary>Moments of the largest of <paramref name="k"/> draws: P(largest ≤ x_(i)) = (i/n)^k over the sorted values.</summary>
    public static MetricMoments Best(IReadOnlyList<double> values, int k) => Extreme([.. values.Order()], k);

    /// <summary>Moments of the smallest of <paramref name="k"/> draws.</summary>
    public static MetricMoments Worst(IReadOnlyList<double> values, int k) => Extreme([.. values.OrderDescending()], k);

    /// <summary>Value of the most frequent vote: the first value given with it. Of equally frequent votes the one seen first.</summary>
    /// <exception cref="ArgumentException">There is no vote, or the numbers differ.</exception>
    public static double Majority(IReadOnlyList<string> votes, IReadOnlyList<double> values)
    {
        if (votes.Count == 0 || votes.Count != values.Count) { throw new ArgumentException($"{votes.Count} votes for {values.Count} values; give one of each, at least one.", nameof(votes)); }
        return Enumerable.Range(0, votes.Count).GroupBy(i => votes[i], StringComparer.Ordinal).MaxBy(group => group.Count())!.Select(i => values[i]).First();
    }

    /// <summary>Moments of the majority of <paramref name="k"/> draws, over 1,000 draws by counter (invariant I3).</summary>
    /// <param name="seed">Of the job.</param>
    /// <param name="prompt">Keeps the draws of prompts apart.</param>
    public static MetricMoments MajorityOf(IReadOnlyList<string> votes, IReadOnlyList<double> values, int k, long seed, long prompt) =>
        Replay(values.Count, index => Majority([.. index.Select(i => votes[i])], [.. index.Select(i => values[i])]),
            Enumerable.Range(0, Draws).Select(draw => Enumerable.Range(0, k).Select(i => CounterRandom.Below(values.Count, seed, RandomPurpose.Bootstrap, k, prompt, draw, i)).ToArray()));

    /// <summary>Moments of a statistic over given draws of indices.</summary>
    /// <param name="count">Values that the indices point to.</param>
    /// <param name="statistic">Of the drawn indices.</param>
    /// <param name="indices">One list per draw.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index points to no value.</exception>
    public static MetricMoments Replay(int count, Func<int[], double> statistic, IEnumerable<int[]> indices)
    {
        var results = new List<double>();
        foreach (int[] draw in indices)
        {
            if (draw.Any(i => i < 0 || i >= count)) { throw new ArgumentOutOfRangeException(nameof(indices), $"a draw holds an index outside 0..{count - 1}."); }
            results.Add(statistic(draw));
        }

        return MetricMoments.Of(results);
    }

    /// <summary>Metrics of one prompt's answers: mean@n, std@n, and best, worst and (with votes) majority of 2, 4, 8, ... and n.</summary>
    /// <param name="values">Of the n answers.</param>
    /// <param name="votes">Their answers as text; null: no majority.</param>
    public static IReadOnlyDictionary<string, double> OfPrompt(IReadOnlyList<double> values, IReadOnlyList<string>? votes, long seed, long prompt)
    {
        int n = values.Count;
        var moments = MetricMoments.Of([.. values]);
        var metrics = new Dictionary<string, double> { [$"mean@{n}"] = moments.Mean };
        if (n == 1) { return metrics; }
        metrics[$"std@{n}"] = moments.Deviation;
        for (int k = 2; ; k = Math.Min(2 * k, n))
        {
            Add(metrics, $"best@{k}", Best(values, k));
            Add(metrics, $"worst@{k}", Worst(values, k));
            if (votes is not null) { Add(metrics, $"maj@{k}", MajorityOf(votes, values, k, seed, prompt)); }
            if (k == n) { return metrics; }
        }
    }

    /// <summary>Mean of each metric over the prompts that have it: prompts with another number of answers have other names.</summary>
    public static IReadOnlyDictionary<string, double> OverPrompts(IEnumerable<IReadOnlyDictionary<string, double>> prompts) =>
        prompts.SelectMany(metrics => metrics).GroupBy(metric => metric.Key, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Average(metric => metric.Value), StringComparer.Ordinal);

    private static void Add(Dictionary<string, double> metrics, string name, MetricMoments moments) => (metrics[$"{name}/mean"], metrics[$"{name}/std"]) = moments;

    /// <param name="ordered">From the last that is chosen to the first.</param>
    private static MetricMoments Extreme(double[] ordered, int k)
    {
        double mean = 0, squares = 0, n = ordered.Length;
        for (int i = 0; i < ordered.Length; i++) { mean += (Math.Pow((i + 1) / n, k) - Math.Pow(i / n, k)) * ordered[i]; }
        for (int i = 0; i < ordered.Length; i++) { squares += (Math.Pow((i + 1) / n, k) - Math.Pow(i / n, k)) * (ordered[i] - mean) * (ordered[i] - mean); }
        return new(mean, Math.Sqrt(squares));
    }
}
