using Ctwa.Training.Evaluation;
using Xunit;

namespace Ctwa.Training.Tests.Evaluation;

public sealed class PairedComparisonTests
{
    [Fact]
    public void Differences_are_taken_prompt_by_prompt()
    {
        var row = PairedComparison.Of("a", [1, 0.5, 0.25, 0], [0, 0.5, 0.5, 0], Evaluations.Settings(1));
        Assert.Equal((0.4375, 0.25, 0.1875), (row.Mean, row.Baseline, row.Difference));
        Assert.Equal((1, 2, 1), (row.Wins, row.Ties, row.Losses));
        // Of the four arrangements of 1 and 0.25 two are as far from 0 as 0.75.
        Assert.Equal(new SignFlipResult(1, true, 4), row.Test);
        Assert.InRange(row.Interval!.Value.Low, -0.25, 0.1875);
        Assert.InRange(row.Interval!.Value.High, 0.1875, 1);
    }

    [Fact]
    public void What_differs_by_rounding_is_a_tie()
    {
        var row = PairedComparison.Of("a", [0.1 + 0.2], [0.3], Evaluations.Settings(1));
        Assert.Equal((0, 1, 0), (row.Wins, row.Ties, row.Losses));
        Assert.Equal((0.0, 1.0), (row.Difference, row.Test.PValue));
        Assert.Null(row.Interval);
    }

    [Fact]
    public void Prompts_that_one_model_has_no_score_for_are_left_out()
    {
        var comparison = BaselineComparison.Of(["a"],
            [Evaluations.Prompt(0, ("xx", 1)), Evaluations.Prompt(1, ("x", null)), Evaluations.Prompt(2, ("xxxx", 1))],
            [Evaluations.Prompt(0, ("x", 0)), Evaluations.Prompt(1, ("x", 1)), Evaluations.Prompt(2, ("x", 0.5))],
            Evaluations.Settings(1));
        Assert.Equal(2, comparison.Prompts);
        Assert.Equal(["a", "response length"], comparison.Rows.Select(row => row.Name));
        Assert.Equal([0.75, 2], comparison.Rows.Select(row => row.Difference));
        Assert.Throws<InvalidDataException>(() => BaselineComparison.Of(["a"], [Evaluations.Prompt(0, ("x", (double?)null))], [Evaluations.Prompt(0, ("x", 1))], Evaluations.Settings(1)));
    }

    [Fact]
    public void Lists_that_cannot_be_paired_are_refused()
    {
        Assert.Throws<ArgumentException>(() => PairedComparison.Of("a", [1], [1, 2], Evaluations.Settings(1)));
        Assert.Throws<ArgumentException>(() => PairedComparison.Of("a", [], [], Evaluations.Settings(1)));
    }
}
