using Ctwa.Training.Randomness;

namespace Ctwa.Training.Evaluation;

/// <summary>
/// Percentile bootstrap of means over prompts (Efron 1979): prompts are drawn with replacement, their answers stay with them, so
/// that answers to one prompt, which resemble each other, do not pass for independent. The draws are by counter (invariant I3):
/// the same seed and number of prompts give the same draws for every metric.
/// </summary>
public static class PromptBootstrap
{
    /// <summary>Keeps these draws apart from those of <see cref="ValidationMetrics"/>, whose step is the number of answers.</summary>
    private const long Step = -1;

    /// <summary>An interval for the mean of each column.</summary>
    /// <param name="columns">One number per prompt, every column over the same prompts.</param>
    /// <param name="seed">Of the evaluation.</param>
    /// <param name="draws">Resampled sets of prompts, at least 1.</param>
    /// <param name="level">Share of the resampled means inside, such as 0.95.</param>
    /// <returns>One per column; null with fewer than two prompts, which say nothing about others.</returns>
    /// <exception cref="ArgumentException">The columns differ in length.</exception>
    /// <exception cref="ArgumentOutOfRangeException">draws or level is out of range.</exception>
    public static ConfidenceInterval?[] OfMeans(IReadOnlyList<double[]> columns, long seed, int draws, double level)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(draws, 1);
        if (!(level is > 0 and < 1)) { throw new ArgumentOutOfRangeException(nameof(level), level, "the level of an interval lies between 0 and 1, such as 0.95."); }
        var intervals = new ConfidenceInterval?[columns.Count];
        if (columns.Count == 0) { return intervals; }
        int count = columns[0].Length;
        if (columns.Any(column => column.Length != count)) { throw new ArgumentException("the columns have different numbers of prompts; give one value per prompt in each.", nameof(columns)); }
        if (count < 2) { return intervals; }

        var means = columns.Select(_ => new double[draws]).ToArray();
        int[] drawn = new int[count];
        for (int draw = 0; draw < draws; draw++)
        {
            for (int i = 0; i < count; i++) { drawn[i] = CounterRandom.Below(count, seed, RandomPurpose.Bootstrap, Step, draw, i, 0); }
            for (int c = 0; c < columns.Count; c++)
            {
                double sum = 0;
                foreach (int i in drawn) { sum += columns[c][i]; }
                means[c][draw] = sum / count;
            }
        }

        for (int c = 0; c < columns.Count; c++)
        {
            Array.Sort(means[c]);
            intervals[c] = new(Quantile(means[c], (1 - level) / 2), Quantile(means[c], (1 + level) / 2));
        }

        return intervals;
    }

    /// <summary>Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996).</summary>
    private static double Quantile(double[] sorted, double share)
    {
        double place = share * (sorted.Length - 1);
        int below = (int)Math.Floor(place), above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((place - below) * (sorted[above] - sorted[below]));
    }
}
