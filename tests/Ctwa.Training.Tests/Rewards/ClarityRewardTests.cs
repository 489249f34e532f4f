using Ctwa.Training.Specification;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Rewards;

public sealed class ClarityRewardTests
{
    private static double Score(MethodMode mode, string response) => new ClarityReward(mode).Score(new("", response, 1, ""), new(0));

    [Theory]
    [InlineData(@"x - y - z \boxed{1}")]
    [InlineData(@"5 - 3 - 2 = 0 \boxed{0}")]
    [InlineData(@"2 * 3 * 4 \boxed{24}")]
    [InlineData(@"3.5 and 2.5 \boxed{1}")]
    [InlineData(@"take 1.5 or 2.5 \boxed{1}")]
    [InlineData(@"It is 1. Then it is 2. So \boxed{2}")]
    [InlineData(@"f(a) = f(b) \boxed{1}")]
    [InlineData("1-2=-1\n2-1=1\n\\boxed{1}")]
    [InlineData(@"well-known and x-ray - no \boxed{1}")]
    public void Signs_decimals_and_sentence_ends_are_no_steps_though_the_reference_counts_most(string response) => Assert.Equal(0, Score(MethodMode.Corrected, response));

    [Fact]
    public void Subtractions_and_decimals_fool_the_reference_only()
    {
        Assert.Equal(1, Score(MethodMode.Reference, @"x - y - z \boxed{1}"));
        Assert.Equal(0, Score(MethodMode.Corrected, @"x - y - z \boxed{1}"));
        Assert.Equal(1, Score(MethodMode.Reference, @"3.5 and 2.5 \boxed{1}"));
        Assert.Equal(0, Score(MethodMode.Corrected, @"3.5 and 2.5 \boxed{1}"));
    }

    [Theory]
    [InlineData("1. a\n2. b\n\\boxed{1}")]
    [InlineData("1.5+2=7\n2.7*7=9\n\\boxed{9}")]
    [InlineData(@"1) a 2) b \boxed{1}")]
    [InlineData(@"1: a 2: b \boxed{1}")]
    [InlineData(@"(a) x (b) y \boxed{1}")]
    [InlineData(@"(i) x (ii) y \boxed{1}")]
    [InlineData("I. x\nII. y\n\\boxed{1}")]
    [InlineData(@"Step 1: x Step 2: y \boxed{1}")]
    [InlineData(@"We go. step1. x, step2. y \boxed{1}")]
    [InlineData("- one\n- two\n\\boxed{1}")]
    [InlineData("\u2022 a\n  \u2022 b \\boxed{1}")]
    [InlineData(@"First, x. Then y. \boxed{1}")]
    public void Real_steps_count_in_both_modes(string response)
    {
        Assert.Equal(1, Score(MethodMode.Corrected, response));
        Assert.Equal(1, Score(MethodMode.Reference, response));
    }

    [Theory]
    [InlineData("1. a\n1. b\n\\boxed{1}")]
    [InlineData("2. a\n1. b\n\\boxed{1}")]
    [InlineData("7. a\n8. b\n\\boxed{1}")]
    public void Labels_that_do_not_count_up_from_one_are_no_steps(string response) => Assert.Equal(0, Score(MethodMode.Corrected, response));

    [Theory]
    [InlineData("1. a\n2. b")]
    [InlineData("1. a\n2. b \\boxed{}")]
    [InlineData("1. a\n2. b \\boxed{3")]
    public void Steps_without_a_boxed_answer_are_not_clear(string response) => Assert.Equal(0, Score(MethodMode.Corrected, response));

    [Fact]
    public void Every_form_of_box_counts_as_an_answer()
    {
        Assert.Equal(1, Score(MethodMode.Corrected, @"first then \boxed {1}"));
        Assert.Equal(0, Score(MethodMode.Reference, @"first then \boxed {1}"));
    }

    [Property]
    public bool Text_before_the_steps_on_lines_of_its_own_does_not_matter(byte lines) =>
        Score(MethodMode.Corrected, string.Concat(Enumerable.Repeat("some words\n", lines)) + "1. a\n2. b\n\\boxed{1}") == 1;
}
