using Ctwa.Training.Evaluation;
using Ctwa.Training.Randomness;
using Xunit;

namespace Ctwa.Training.Tests.Evaluation;

public sealed class PromptBootstrapTests
{
    [Fact]
    public void Fewer_than_two_prompts_have_no_interval()
    {
        Assert.Equal([null, null], PromptBootstrap.OfMeans([[0.5], [1]], seed: 1, draws: 100, level: 0.95));
        Assert.Empty(PromptBootstrap.OfMeans([], seed: 1, draws: 100, level: 0.95));
    }

    [Fact]
    public void Equal_values_have_an_interval_of_no_width()
    {
        var interval = Assert.Single(PromptBootstrap.OfMeans([[0.25, 0.25, 0.25]], seed: 1, draws: 50, level: 0.95));
        Assert.Equal(new ConfidenceInterval(0.25, 0.25), interval);
    }

    [Fact]
    public void The_mean_of_two_values_is_bounded_by_them_and_both_are_reached()
    {
        // Of two prompts, a quarter of the resampled sets hold only the first, a quarter only the second.
        var interval = Assert.Single(PromptBootstrap.OfMeans([[0, 1]], seed: 1, draws: 1000, level: 0.95));
        Assert.Equal(new ConfidenceInterval(0, 1), interval);
        // The middle of all draws is the half with both.
        Assert.Equal(new ConfidenceInterval(0.5, 0.5), Assert.Single(PromptBootstrap.OfMeans([[0, 1]], seed: 1, draws: 1000, level: 0.3)));
    }

    [Fact]
    public void A_large_sample_has_the_width_that_the_normal_distribution_gives()
    {
        double[] values = Normals(400, set: 0);
        double mean = values.Average(), deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
        var interval = Assert.Single(PromptBootstrap.OfMeans([values], seed: 3, draws: 4000, level: 0.95))!.Value;
        double half = 1.959964 * deviation / Math.Sqrt(values.Length);
        Assert.Equal(mean - half, interval.Low, 0.1 * half);
        Assert.Equal(mean + half, interval.High, 0.1 * half);
    }

    [Fact]
    public void About_as_many_intervals_as_the_level_says_hold_the_true_mean()
    {
        const int Sets = 400;
        int held = 0, narrow = 0;
        for (int set = 0; set < Sets; set++)
        {
            double[] values = Normals(50, set);
            var interval = Assert.Single(PromptBootstrap.OfMeans([values], seed: set, draws: 400, level: 0.95))!.Value;
            if (interval.Low <= 0 && 0 <= interval.High) { held++; }
            var half = Assert.Single(PromptBootstrap.OfMeans([values], seed: set, draws: 400, level: 0.5))!.Value;
            if (half.Low <= 0 && 0 <= half.High) { narrow++; }
        }

        Assert.InRange((double)held / Sets, 0.915, 0.97);
        Assert.InRange((double)narrow / Sets, 0.44, 0.56);
    }

    [Fact]
    public void Columns_share_their_draws_and_seeds_differ()
    {
        double[] values = Normals(30, set: 1);
        double[] shifted = [.. values.Select(value => value + 2)];
        var intervals = PromptBootstrap.OfMeans([values, shifted], seed: 7, draws: 200, level: 0.9);
        Assert.Equal(intervals[0]!.Value.Low + 2, intervals[1]!.Value.Low, 1e-12);
        Assert.Equal(intervals[0]!.Value.High + 2, intervals[1]!.Value.High, 1e-12);
        Assert.Equal(intervals[0], PromptBootstrap.OfMeans([values], seed: 7, draws: 200, level: 0.9)[0]);
        Assert.NotEqual(intervals[0], PromptBootstrap.OfMeans([values], seed: 8, draws: 200, level: 0.9)[0]);
    }

    [Fact]
    public void Bad_settings_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => PromptBootstrap.OfMeans([[1, 2]], seed: 1, draws: 0, level: 0.95));
        Assert.Throws<ArgumentOutOfRangeException>(() => PromptBootstrap.OfMeans([[1, 2]], seed: 1, draws: 10, level: 1));
        Assert.Throws<ArgumentException>(() => PromptBootstrap.OfMeans([[1, 2], [1]], seed: 1, draws: 10, level: 0.95));
    }

    private static double[] Normals(int count, int set) => [.. Enumerable.Range(0, count).Select(i => CounterRandom.Normal(11, RandomPurpose.Test, set, i, 0, 0))];
}
