using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class WithinPromptStatisticsTests
{
    private static WithinPromptStatistics Compute(double[,] scores, double[] signal, int[] groups, bool[]? valid = null) =>
        WithinPromptStatistics.Compute(scores, signal, groups, valid ?? [.. groups.Select(_ => true)]);

    /// <summary>π = (.4, .3, .2, .1) as ten samples; three 0/1 objectives over four answers.</summary>
    private static (double[,] Scores, double[] Mean, double[] Policy, double[,] Answers) Law()
    {
        double[,] answers = { { 1, 0, 0 }, { 0, 1, 0 }, { 1, 1, 0 }, { 0, 0, 1 } };
        int[] drawn = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3];
        var scores = new double[10, 3];
        var mean = new double[10];
        for (int b = 0; b < 10; b++)
        {
            for (int j = 0; j < 3; j++) { mean[b] += (scores[b, j] = answers[drawn[b], j]) / 3; }
        }

        return (scores, mean, [0.4, 0.3, 0.2, 0.1], answers);
    }

    [Fact]
    public void The_covariance_law_holds_for_a_mirror_step_and_the_budget_identity_is_exact()
    {
        var (scores, mean, policy, answers) = Law();
        double[] covariance = Compute(scores, mean, new int[10]).Covariance;
        Assert.Equal(0.026667, covariance[0], 1e-6);
        Assert.Equal(0.033333, covariance[1], 1e-6);
        Assert.Equal(-0.006667, covariance[2], 1e-6);
        double[,] column = new double[10, 1];
        for (int b = 0; b < 10; b++) { column[b, 0] = mean[b]; }
        Assert.Equal(Compute(column, mean, new int[10]).Covariance[0], covariance.Sum() / 3, 1e-15);
        Assert.Equal(0.017778, covariance.Sum() / 3, 1e-6);

        // Exponential tilting by η·s moves E[r_j] by η·Cov(r_j, s); a step on softmax logits does not.
        const double Rate = 1e-4;
        double[] combined = [.. Enumerable.Range(0, 4).Select(a => (answers[a, 0] + answers[a, 1] + answers[a, 2]) / 3)];
        double[] tilted = [.. policy.Select((probability, a) => probability * Math.Exp(Rate * combined[a]))];
        double average = policy.Zip(combined, (probability, reward) => probability * reward).Sum();
        double[] logitStep = [0.004, 0.008, 0];
        for (int j = 0; j < 3; j++)
        {
            double before = policy.Select((probability, a) => probability * answers[a, j]).Sum();
            double after = tilted.Select((probability, a) => probability * answers[a, j]).Sum() / tilted.Sum();
            Assert.Equal(covariance[j], (after - before) / Rate, 1e-5);
            double parallel = policy.Select((probability, a) => probability * probability * (answers[a, j] - before) * (combined[a] - average)).Sum();
            Assert.Equal(logitStep[j], parallel, 1e-12);
        }
    }

    [Fact]
    public void A_group_without_variance_dilutes_the_covariance_but_not_the_correlation_and_is_counted()
    {
        double[,] scores = { { 0, 5 }, { 1, 5 }, { 1, 5 }, { 1, 5 } };
        var statistics = Compute(scores, [-1, 1, 0.5, -0.5], [0, 0, 1, 1]);
        Assert.Equal([0.25, 0], statistics.Covariance);
        Assert.Equal(1, statistics.Correlation[0], 1e-15);
        Assert.Equal([1, 0], statistics.InformativeGroups);
        Assert.Equal([0.5, 1], statistics.DegenerateFraction);
        Assert.Equal(double.NaN, statistics.Correlation[1]);
    }

    [Fact]
    public void No_informative_group_is_unknown_and_not_zero_as_in_the_reference()
    {
        double[,] scores = { { 1 }, { 0 } };
        Assert.Equal(double.NaN, Compute(scores, [1, 2], [0, 1]).Correlation[0]);
        Assert.Equal(double.NaN, Compute(scores, [1, 2], [0, 1]).Covariance[0]);
        Assert.Equal([0], ReferencePromptStatistics.Compute(scores, [1, 2], [0, 1]).Covariance);
    }

    [Fact]
    public void Equal_advantages_that_differ_by_float32_rounding_are_no_variance() =>
        Assert.Equal([0], Compute(new double[,] { { 0 }, { 1 }, { 0 }, { 1 } }, [0.3f, MathF.BitIncrement(0.3f), -0.7f, -0.7f], [0, 0, 1, 1]).InformativeGroups);

    [Fact]
    public void Splitting_a_group_changes_the_statistics_so_groups_are_never_split()
    {
        double[,] scores = { { 0 }, { 1 }, { 0 }, { 1 } };
        double[] signal = [0, 0, 1, 1];
        Assert.Equal(0, Compute(scores, signal, [0, 0, 0, 0]).Covariance[0]);
        Assert.Equal(0.25, Compute(scores, [0, 1, 0, 1], [0, 0, 0, 0]).Covariance[0]);
        Assert.Equal(0, Compute(scores, [0, 1, 0, 1], [0, 1, 0, 1]).Covariance[0]);
    }

    [Fact]
    public void Dropped_samples_do_not_count_even_with_scores_that_are_not_finite()
    {
        double[,] scores = { { 0 }, { 1 }, { double.NaN } };
        Assert.Equal(Compute(new double[,] { { 0 }, { 1 } }, [-1, 1], [0, 0]).Covariance, Compute(scores, [-1, 1, double.NaN], [0, 0, 0], [true, true, false]).Covariance);
    }

    [Fact]
    public void A_signal_that_is_not_finite_is_refused() =>
        Assert.Contains("sample 1 is NaN", Assert.Throws<ArgumentException>(() => Compute(new double[,] { { 0 }, { 1 } }, [0, double.NaN], [0, 0])).Message, StringComparison.Ordinal);

    [Property(MaxTest = 200)]
    public bool Correlations_ignore_scale_and_offset_and_covariances_scale(int seed, byte factor, sbyte offset)
    {
        var outcome = Objectives.Random(seed, 3);
        double scale = (factor + 1) / 7.0;
        var scaled = (double[,])outcome.Signals.Scores.Clone();
        for (int b = 0; b < scaled.GetLength(0); b++) { scaled[b, 1] = (scaled[b, 1] * scale) + offset; }
        double[] signal = [.. outcome.TrainingSignal.Select(w => w * scale)];
        var one = Compute(outcome.Signals.Scores, outcome.TrainingSignal, outcome.Signals.Groups);
        var two = Compute(scaled, signal, outcome.Signals.Groups);
        return one.Correlation.Zip(two.Correlation).All(pair => Near(pair.First, pair.Second))
            && Near(one.Covariance[0] * scale, two.Covariance[0]) && Near(one.Covariance[1] * scale * scale, two.Covariance[1])
            && one.InformativeGroups.SequenceEqual(two.InformativeGroups);
    }

    [Property(MaxTest = 200)]
    public bool Correlations_lie_between_minus_one_and_one_and_order_of_samples_is_irrelevant(int seed)
    {
        var outcome = Objectives.Random(seed, 3);
        int count = outcome.TrainingSignal.Length;
        var reversed = new double[count, 3];
        for (int b = 0; b < count; b++)
        {
            for (int j = 0; j < 3; j++) { reversed[b, j] = outcome.Signals.Scores[count - 1 - b, j]; }
        }

        var one = Compute(outcome.Signals.Scores, outcome.TrainingSignal, outcome.Signals.Groups);
        var two = Compute(reversed, [.. outcome.TrainingSignal.Reverse()], [.. outcome.Signals.Groups.Reverse()]);
        return one.Correlation.All(value => double.IsNaN(value) || Math.Abs(value) <= 1 + 1e-12)
            && one.Correlation.Zip(two.Correlation).All(pair => Near(pair.First, pair.Second))
            && one.Covariance.Zip(two.Covariance).All(pair => Near(pair.First, pair.Second));
    }

    private static bool Near(double a, double b) => (double.IsNaN(a) && double.IsNaN(b)) || Math.Abs(a - b) <= 1e-9 * (1 + Math.Abs(a));

    [Fact]
    public void The_standard_error_of_the_covariance_is_that_of_the_groups_mean()
    {
        // Covariances of the three groups: .25, -.25, 0.
        double[,] scores = { { 1 }, { 0 }, { 1 }, { 0 }, { 1 }, { 1 } };
        var statistics = WithinPromptStatistics.Compute(scores, [1, 0, 0, 1, 1, 0], [0, 0, 1, 1, 2, 2], [true, true, true, true, true, true]);
        Assert.Equal(0, statistics.Covariance[0], 12);
        Assert.Equal(Math.Sqrt(2 * 0.0625 / 2 / 3), statistics.CovarianceError[0], 12);
    }
}
