using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class RewardExpressionTests
{
    private static readonly ExpressionFeatures Completion = new("ab cd", "Step 1: 😀 x\nStep 2\n", 12);

    [Theory]
    [InlineData("1 + 2 * 3", 7)]
    [InlineData("(1 + 2) * 3", 9)]
    [InlineData("2 ^ 3 ^ 2", 512)]
    [InlineData("-2 ^ 2", -4)]
    [InlineData("2 ^ -1", 0.5)]
    [InlineData("10 - 4 - 3", 3)]
    [InlineData("16 / 4 / 2", 2)]
    [InlineData("1e2 + .5", 100.5)]
    [InlineData("tokens", 12)]
    [InlineData("characters", 19)]
    [InlineData("words", 6)]
    [InlineData("lines", 2)]
    [InlineData("prompt_characters + prompt_words", 7)]
    [InlineData("min(3, 1, 2) + max(3, 1, 2)", 4)]
    [InlineData("abs(-3) + sqrt(16) + exp(0) + log(1)", 8)]
    [InlineData("clip(5, 0, 1)", 1)]
    [InlineData("contains(\"Step 2\") + contains('Step 3')", 1)]
    [InlineData("count(\"Step\") * starts_with(\"Step\")", 2)]
    [InlineData("ends_with(\"2\\n\")", 1)]
    [InlineData("if tokens > 10 then 1 else 1 / 0", 1)]
    [InlineData("if tokens > 100 then 1 else if tokens > 10 then 2 else 3", 2)]
    [InlineData("tokens >= 12 and not tokens != 12 or 0", 1)]
    [InlineData("0 and 1 or 1", 1)]
    [InlineData("(1 < 2) + (2 <= 2) + (1 == 1)", 3)]
    public void Formulas_have_their_usual_values(string formula, double expected) => Assert.Equal(expected, RewardExpression.Parse(formula).Evaluate(Completion), 12);

    [Theory]
    [InlineData("", "column 1: the formula ends where a number")]
    [InlineData("1 +", "column 4: the formula ends")]
    [InlineData("1 + * 2", "column 5: '*' stands where")]
    [InlineData("tokns / 2", "column 1: there is no feature 'tokns'; did you mean 'tokens'")]
    [InlineData("2 * min", "column 5: 'min' is a function; write min(...)")]
    [InlineData("system(\"rm\")", "column 1: there is no function 'system'; there are abs, clip")]
    [InlineData("min(1)", "column 1: min takes 2 or more values, not 1")]
    [InlineData("clip(1, 2)", "column 1: clip takes 3 values, not 2")]
    [InlineData("contains(tokens)", "column 10: 'tokens' stands where a text in quotes")]
    [InlineData("contains(\"\")", "column 10: the text is empty")]
    [InlineData("contains(\"abc)", "column 10: the text that begins with \" has no end")]
    [InlineData("1 < 2 < 3", "column 7: comparisons do not chain")]
    [InlineData("if 1 then 2", "column 12: the formula ends where 'else'")]
    [InlineData("1.2.3", "column 1: '1.2.3' is not a number")]
    [InlineData("1e999", "column 1: '1e999' is not a number")]
    [InlineData("tokens; 2", "column 7: ';' is not part of a formula")]
    [InlineData("(1", "column 3: the formula ends where ')'")]
    [InlineData("1 2", "column 3: '2' stands where an operator or the end")]
    public void Errors_name_the_column(string formula, string expected) => Assert.StartsWith(expected, RewardExpression.Error(formula), StringComparison.Ordinal);

    [Theory]
    [InlineData("(")]
    [InlineData("-")]
    [InlineData("not ")]
    [InlineData("if ")]
    [InlineData("1^")]
    [InlineData("abs(")]
    public void Depth_and_length_are_bounded(string part)
    {
        Assert.NotNull(RewardExpression.Error(string.Concat(Enumerable.Repeat(part, 1999 / part.Length)) + "1"));
        Assert.Contains("at most 2000 are accepted", RewardExpression.Error(string.Concat(Enumerable.Repeat(part, 100_000)))!, StringComparison.Ordinal);
    }

    [Fact]
    public void The_longest_sum_is_computed() => Assert.Equal(1000, RewardExpression.Parse("1" + string.Concat(Enumerable.Repeat("+1", 999))).Evaluate(Completion));

    [Fact]
    public void Mutated_formulas_never_crash()
    {
        const string Start = "if contains(\"Step 1\") and tokens < 512 then clip(1 - tokens / 512, 0, 1) else -max(2, words ^ 2)";
        const string Alphabet = " ()\"'\\+-*/^<>=!,.0129eabcn;{}$é\uD83D\n";
        ulong state = 12345;
        uint Next(uint bound)
        {
            state = (state * 6364136223846793005) + 1442695040888963407;
            return (uint)(state >> 33) % bound;
        }

        int wellFormed = 0;
        for (int i = 0; i < 20_000; i++)
        {
            var text = Start.ToList();
            for (uint edits = 1 + Next(6); edits > 0; edits--)
            {
                int at = (int)Next((uint)text.Count);
                switch (Next(3))
                {
                    case 0: text.RemoveAt(at); break;
                    case 1: text.Insert(at, Alphabet[(int)Next((uint)Alphabet.Length)]); break;
                    default: text[at] = Alphabet[(int)Next((uint)Alphabet.Length)]; break;
                }
            }

            string formula = new([.. text]);
            if (RewardExpression.Error(formula) is { } error) { Assert.StartsWith("column ", error, StringComparison.Ordinal); continue; }
            wellFormed++;
            _ = RewardExpression.Parse(formula).Evaluate(Completion);
        }

        Assert.InRange(wellFormed, 500, 19_000);
    }
}
