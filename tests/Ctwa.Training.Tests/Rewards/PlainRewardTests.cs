using System.Diagnostics;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Rewards;

/// <summary>Rewards <c>length</c>, <c>regex</c> and <c>expression</c>.</summary>
public sealed class PlainRewardTests
{
    private static double Length(int tokens, LengthRewardSpec spec) => new LengthReward(spec).Score(new ScoredCompletion("", "", tokens, ""), default);

    private static double Regex(string response, RegexRewardSpec spec) => new RegexReward(spec).Score(new ScoredCompletion("", response, 1, ""), default);

    [Fact]
    public void A_greatest_length_is_dapos_soft_overlong_punishment()
    {
        // Equation 13 of arXiv 2503.14476, written as there: L_max 20, L_cache 5.
        static double Dapo(int y) => y <= 20 - 5 ? 0 : y <= 20 ? (20.0 - 5 - y) / 5 : -1;
        for (int tokens = 0; tokens < 40; tokens++) { Assert.Equal(Dapo(tokens), Length(tokens, new LengthRewardSpec { MaxTokens = 20, Window = 5 })); }
    }

    [Theory]
    [InlineData(10, -1)]
    [InlineData(3, -1)]
    [InlineData(12, -0.5)]
    [InlineData(14, 0)]
    [InlineData(500, 0)]
    public void A_least_length_is_the_same_from_below(int tokens, double expected) => Assert.Equal(expected, Length(tokens, new LengthRewardSpec { MinTokens = 10, Window = 4 }));

    [Theory]
    [InlineData(100, 0)]
    [InlineData(90, -0.5)]
    [InlineData(110, -0.5)]
    [InlineData(50, -1)]
    [InlineData(200, -1)]
    public void A_target_is_best(int tokens, double expected) => Assert.Equal(expected, Length(tokens, new LengthRewardSpec { Target = 100, Window = 20 }));

    [Fact]
    public void The_cosine_has_the_same_ends_and_middle_and_lies_between()
    {
        var spec = new LengthRewardSpec { Target = 100, Window = 20, Shape = PenaltyShape.Cosine };
        Assert.Equal([0, -0.5, -1, -1], ((int[])[100, 110, 120, 130]).Select(tokens => Math.Round(Length(tokens, spec), 12)));
        Assert.InRange(Length(105, spec), -0.2, -0.1);
        Assert.Equal((1 - Math.Cos(Math.PI / 4)) / -2, Length(105, spec), 12);
    }

    [Fact]
    public void No_penalty_is_plain_zero() => Assert.False(double.IsNegative(Length(1, new LengthRewardSpec { MaxTokens = 20, Window = 5 })));

    [Fact]
    public void Patterns_search_match_whole_responses_and_count()
    {
        Assert.Equal(1, Regex("see Step 3", new RegexRewardSpec { Pattern = "Step [0-9]" }));
        Assert.Equal(0, Regex("see step 3", new RegexRewardSpec { Pattern = "Step [0-9]" }));
        Assert.Equal(1, Regex("see step 3", new RegexRewardSpec { Pattern = "Step [0-9]", IgnoreCase = true }));
        Assert.Equal(0, Regex("see Step 3", new RegexRewardSpec { Pattern = "a|Step [0-9]", Match = PatternMatch.Full }));
        Assert.Equal(1, Regex("Step 3", new RegexRewardSpec { Pattern = "a|Step [0-9]", Match = PatternMatch.Full }));
        Assert.Equal(0, Regex("Step 3\n", new RegexRewardSpec { Pattern = "Step [0-9]", Match = PatternMatch.Full }));
        Assert.Equal(0.5, Regex("a1 a2", new RegexRewardSpec { Pattern = "a[0-9]", Match = PatternMatch.Count, MaxCount = 4 }));
        Assert.Equal(1, Regex("a1 a2 a3", new RegexRewardSpec { Pattern = "a[0-9]", Match = PatternMatch.Count, MaxCount = 2 }));
    }

    [Fact]
    public void No_pattern_takes_exponential_time()
    {
        var clock = Stopwatch.StartNew();
        Assert.Equal(0, Regex(new string('a', 50_000), new RegexRewardSpec { Pattern = "^(a+)+$|(a|aa)+b", Match = PatternMatch.Full } with { Pattern = "(a+)+b" }));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"{clock.Elapsed}");
    }

    [Fact]
    public void A_formula_sees_the_completion_and_a_value_that_is_no_number_fails()
    {
        var spec = new ExpressionRewardSpec { Formula = "if contains(\"Step 1\") then clip(1 - tokens / 100, 0, 1) else log(0)" };
        var scorer = new ObjectiveScorer(new ObjectiveSpec { Name = "short", Reward = spec, Retries = 0 }, RewardRegistry.Create(spec));
        Assert.Equal(0.75, scorer.Attempt(new ScoredCompletion("", "Step 1: go", 25, ""), default).Score);
        Assert.Equal("the score is -Infinity, not a finite number", scorer.Attempt(new ScoredCompletion("", "go", 25, ""), default).Failure);
    }
}
