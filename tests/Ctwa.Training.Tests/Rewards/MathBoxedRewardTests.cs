using Ctwa.Training.Specification;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Rewards;

public sealed class MathBoxedRewardTests
{
    private static double Score(MethodMode mode, string response, string truth) =>
        new MathBoxedReward(mode).Score(new("", response, 1, truth), new(0));

    private static void AssertMended(string response, string truth, double reference, double corrected)
    {
        Assert.Equal(reference, Score(MethodMode.Reference, response, truth));
        Assert.Equal(corrected, Score(MethodMode.Corrected, response, truth));
    }

    [Fact]
    public void An_fbox_scores_which_the_reference_finds_and_then_refuses() => AssertMended(@"so \fbox{3}", "3", 0, 1);

    [Fact]
    public void An_fbox_after_a_boxed_wins_which_the_reference_ignores() => AssertMended(@"\boxed{4} no: \fbox{3}", "3", 0, 1);

    [Fact]
    public void A_braced_box_after_a_spaced_one_wins_which_the_reference_overrides() => AssertMended(@"\boxed 5$ and \boxed{7}", "7", 0, 1);

    [Fact]
    public void The_spaced_box_no_longer_wins_over_a_later_one() => AssertMended(@"\boxed 5$ and \boxed{7}", "5", 1, 0);

    [Fact]
    public void A_space_before_the_brace_is_read_which_the_reference_keeps_in_the_answer() => AssertMended(@"\boxed {3}", "3", 0, 1);

    [Fact]
    public void A_line_break_before_the_brace_is_read() => AssertMended("\\boxed\n{3}", "3", 0, 1);

    [Theory]
    [InlineData(@"\boxed 3")]
    [InlineData(@"$\boxed 3$")]
    [InlineData(@"\boxed 3.")]
    [InlineData(@"\boxed 3 is it")]
    [InlineData(@"\boxed3")]
    public void A_box_without_braces_holds_the_next_word(string response) => Assert.Equal(1, Score(MethodMode.Corrected, response, "3"));

    [Fact]
    public void A_box_without_braces_keeps_a_command_with_its_groups() => Assert.Equal(1, Score(MethodMode.Corrected, @"\boxed \frac{1}{ 2 } done", "1/2"));

    [Theory]
    [InlineData("0.50", @"\frac{1}{2}")]
    [InlineData("0.50", "0.5")]
    [InlineData("1/2", "0.50")]
    [InlineData("-1/2", @"-\frac{1}{2}")]
    [InlineData(@"\frac{-1}{2}", "-0.5")]
    [InlineData(@"\frac{72}1", "72")]
    [InlineData("1,000", "1000")]
    [InlineData("3.0", "3")]
    [InlineData("+3", "3")]
    [InlineData("03", "3")]
    [InlineData("2/4", @"\dfrac{1}{2}")]
    [InlineData("1.5/2", @"\frac{3}{4}")]
    public void Plain_numbers_are_compared_exactly_which_the_reference_does_by_spelling(string answer, string truth) =>
        AssertMended($@"\boxed{{{answer}}}", truth, 0, 1);

    [Fact]
    public void Point_five_equals_one_half_in_both_modes() => AssertMended(@"\boxed{0.5}", @"\frac{1}{2}", 1, 1);

    [Theory]
    [InlineData("0.3333333333333333", @"\frac{1}{3}")]
    [InlineData("10,00", "1000")]
    [InlineData("1/0", "2/0")]
    [InlineData("x", "y")]
    [InlineData("5", "-5")]
    public void What_is_not_exactly_equal_does_not_match(string answer, string truth) => Assert.Equal(0, Score(MethodMode.Corrected, $@"\boxed{{{answer}}}", truth));

    [Theory]
    [InlineData(@"\boxed{}")]
    [InlineData(@"\boxed{ }")]
    [InlineData(@"\boxed ")]
    [InlineData(@"\boxed{\text{ cm}}")]
    public void An_empty_box_matches_nothing_where_the_reference_matches_an_empty_answer(string response) => AssertMended(response, "", 1, 0);

    [Theory]
    [InlineData(@"\boxed{3} \boxed{4", "3")]
    [InlineData(@"\boxed{3} \boxed{}", "3")]
    [InlineData(@"\boxedx{3}", "3")]
    [InlineData("3", "3")]
    [InlineData("", "3")]
    [InlineData(@"\boxed", "3")]
    public void A_missing_cut_off_or_empty_last_box_scores_zero(string response, string truth) => Assert.Equal(0, Score(MethodMode.Corrected, response, truth));

    [Fact]
    public void Escaped_braces_do_not_close_a_box() => Assert.Equal(1, Score(MethodMode.Corrected, @"\boxed{\{1,2\}}", @"\{1,2\}"));

    [Fact]
    public void Whatever_the_reference_rightly_accepts_in_MATH_form_stays_accepted()
    {
        foreach (var (answer, truth) in new[] { (@"\tfrac12", @"\frac{1}{2}"), (@"2\sqrt3", @"2\sqrt{3}"), (@"5\text{ cm}", "5"), (@"90^\circ", "90"), ("x=5", "5"), (@"\left(1,2\right)", "(1, 2)"), (@"\frac", @"\frac") })
        {
            AssertMended($@"\boxed{{{answer}}}", truth, 1, 1);
        }
    }

    [Property]
    public bool A_fraction_equals_itself_scaled_and_signed(int numerator, int denominator, byte scale)
    {
        long under = denominator == 0 ? 1 : denominator, factor = scale + 1;
        return AnswerEquivalence.AreEqual($@"\frac{{{numerator * factor}}}{{{under * factor}}}", $"{-(long)numerator}/{-under}")
            && !AnswerEquivalence.AreEqual($@"\frac{{{numerator * factor}}}{{{under * factor}}}", $"{numerator + under}/{under}");
    }

    [Property]
    public bool Any_response_is_scored_without_an_exception(string? response, string? truth) =>
        Score(MethodMode.Corrected, @"\boxed{" + response, truth ?? "") is 0 or 1 && Score(MethodMode.Reference, @"\boxed " + response, truth ?? "") is 0 or 1;
}
