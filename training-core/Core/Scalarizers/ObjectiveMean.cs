namespace Ctwa.Training.Scalarizers;

/// <summary>A mean score and its standard error.</summary>
public sealed record ObjectiveMean(double Mean, double StandardError)
{
    /// <summary>
    /// Mean over prompts of each prompt's mean score; the standard error treats prompts, not samples, as independent,
    /// because answers to one prompt resemble each other. 0 with a single prompt.
    /// </summary>
    /// <exception cref="ArgumentException">There is no score, or not one prompt per score.</exception>
    public static ObjectiveMean OfPrompts(ReadOnlySpan<double> scores, ReadOnlySpan<int> prompts)
    {
        if (scores.IsEmpty || scores.Length != prompts.Length) { throw new ArgumentException($"{scores.Length} scores and {prompts.Length} prompts have no mean; give one prompt index per score and at least one.", nameof(scores)); }
        var sums = new SortedDictionary<int, (double Sum, int Count)>();
        for (int b = 0; b < scores.Length; b++)
        {
            var (sum, count) = sums.GetValueOrDefault(prompts[b]);
            sums[prompts[b]] = (sum + scores[b], count + 1);
        }

        double[] means = [.. sums.Values.Select(entry => entry.Sum / entry.Count)];
        double mean = means.Average();
        double error = means.Length < 2 ? 0 : Math.Sqrt(means.Sum(value => (value - mean) * (value - mean)) / (means.Length - 1) / means.Length);
        return new(mean, error);
    }
}
