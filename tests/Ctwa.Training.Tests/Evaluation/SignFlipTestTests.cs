using Ctwa.Training.Evaluation;
using Xunit;

namespace Ctwa.Training.Tests.Evaluation;

public sealed class SignFlipTestTests
{
    [Theory]
    [InlineData(new double[0], 1.0)]
    [InlineData(new[] { 0.0, 0, 0 }, 1.0)]
    [InlineData(new[] { 0.7 }, 1.0)]
    [InlineData(new[] { 1.0, 1 }, 2.0 / 4)]
    [InlineData(new[] { 1.0, -1 }, 1.0)]
    // Sums of ±1 ±2 ±3: 6, 4, 2, 0 and their negatives, 0 twice.
    [InlineData(new[] { 1.0, 2, 3 }, 2.0 / 8)]
    [InlineData(new[] { -1.0, 2, 3 }, 4.0 / 8)]
    [InlineData(new[] { 1.0, -2, 3 }, 6.0 / 8)]
    [InlineData(new[] { 1.0, 2, -3 }, 1.0)]
    [InlineData(new[] { 0.1, 0.2, 0.3, 0.4, 0.5 }, 2.0 / 32)]
    [InlineData(new[] { 0.0, 0.25, 0, 0.25, 0.25, -0.25 }, 10.0 / 16)]
    public void Small_cases_have_the_counted_p_value(double[] differences, double expected)
    {
        var result = SignFlipTest.Of(differences, seed: 1);
        Assert.True(result.Exact);
        Assert.Equal(expected, result.PValue, 1e-15);
        // The test is two-sided: the sign does not matter. Nor does the scale.
        Assert.Equal(result, SignFlipTest.Of([.. differences.Select(value => -value)], seed: 2));
        Assert.Equal(result, SignFlipTest.Of([.. differences.Select(value => value / 3)], seed: 3));
    }

    [Fact]
    public void Equal_magnitudes_give_the_binomial_distribution()
    {
        for (int n = 1; n <= SignFlipTest.ExactLimit; n++)
        {
            for (int positive = 0; positive <= n; positive += 3)
            {
                var result = SignFlipTest.Of(Signs(n, positive), seed: 1);
                Assert.Equal(1L << n, result.Arrangements);
                Assert.Equal(TwoSidedBinomial(n, positive), result.PValue, 1e-12);
            }
        }
    }

    [Fact]
    public void Drawn_arrangements_come_close_to_the_counted_ones()
    {
        foreach (var (n, positive) in ((int, int)[])[(40, 20), (40, 24), (60, 38), (100, 63), (200, 120)])
        {
            double expected = TwoSidedBinomial(n, positive);
            var result = SignFlipTest.Of(Signs(n, positive), seed: 5);
            Assert.False(result.Exact);
            double error = Math.Sqrt(expected * (1 - expected) / SignFlipTest.DefaultDraws);
            Assert.InRange(result.PValue, expected - (4 * error) - 1e-4, expected + (4 * error) + 1e-4);
            Assert.Equal(result, SignFlipTest.Of(Signs(n, positive), seed: 5));
        }

        Assert.NotEqual(SignFlipTest.Of(Signs(60, 38), seed: 5), SignFlipTest.Of(Signs(60, 38), seed: 6));
    }

    [Fact]
    public void A_drawn_p_value_is_never_zero()
    {
        Assert.Equal(1.0 / 101, SignFlipTest.Of(Signs(80, 80), seed: 1, draws: 100).PValue, 1e-15);
    }

    [Fact]
    public void What_is_no_number_is_refused()
    {
        Assert.Throws<ArgumentException>(() => SignFlipTest.Of([1, double.NaN], seed: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SignFlipTest.Of([1], seed: 1, draws: 0));
    }

    private static double[] Signs(int n, int positive) => [.. Enumerable.Range(0, n).Select(i => i < positive ? 1.0 : -1.0)];

    /// <summary>Share of the 2^n outcomes of n coins that are at least as uneven.</summary>
    private static double TwoSidedBinomial(int n, int positive)
    {
        double total = 0, ways = 1;
        for (int k = 0; k <= n; k++)
        {
            if (Math.Abs((2 * k) - n) >= Math.Abs((2 * positive) - n)) { total += ways; }
            ways = ways * (n - k) / (k + 1);
        }

        return total / Math.Pow(2, n);
    }
}
