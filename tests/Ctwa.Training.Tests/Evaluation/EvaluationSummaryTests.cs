using Ctwa.Training.Evaluation;
using Xunit;

namespace Ctwa.Training.Tests.Evaluation;

public sealed class EvaluationSummaryTests
{
    [Fact]
    public void Metrics_are_means_over_prompts_of_their_closed_forms()
    {
        var summary = EvaluationSummary.Of(["right"],
        [
            Evaluations.Prompt(0, (@"\boxed{1}", 1), (@"\boxed{2}", 0), (@"\boxed{2}", 0), (@"\boxed{2}", 0)),
            Evaluations.Prompt(1, (@"\boxed{1}", 1), (@"\boxed{1}", 1), (@"\boxed{1}", 1), (@"\boxed{1}", 1)),
        ], Evaluations.Settings(4));
        var metrics = Assert.Single(summary.Objectives).Metrics.ToDictionary(metric => metric.Name);
        Assert.Equal(["mean", "std@4", "best@2", "worst@2", "maj@2", "best@4", "worst@4", "maj@4"], metrics.Keys);
        Assert.Equal((0.25 + 1) / 2, metrics["mean"].Value, 1e-12);
        Assert.Equal(Math.Sqrt(0.25 * 0.75) / 2, metrics["std@4"].Value, 1e-12);
        // k answers drawn with replacement: none is right with probability (3/4)^k.
        Assert.Equal((1 - Math.Pow(0.75, 4) + 1) / 2, metrics["best@4"].Value, 1e-12);
        Assert.Equal((1 - Math.Pow(0.75, 2) + 1) / 2, metrics["best@2"].Value, 1e-12);
        Assert.Equal((Math.Pow(0.25, 4) + 1) / 2, metrics["worst@4"].Value, 1e-12);
        // Of four draws the right answer wins with 4 or 3 of them, and with 2 if it is seen first.
        double majority = Math.Pow(0.25, 4) + (4 * Math.Pow(0.25, 3) * 0.75) + (3 * Math.Pow(0.25, 2) * Math.Pow(0.75, 2));
        Assert.Equal((majority + 1) / 2, metrics["maj@4"].Value, 0.02);
        Assert.All(metrics.Values, metric => Assert.InRange(metric.Value, metric.Interval!.Value.Low, metric.Interval.Value.High));
        Assert.Equal(2, summary.ScoredPrompts);
    }

    [Fact]
    public void One_answer_has_a_mean_and_nothing_else_and_no_number_is_missing()
    {
        var summary = EvaluationSummary.Of(["a", "b"], [Evaluations.Several(0, ("no box", [0.5, -1]))], Evaluations.Settings(1));
        Assert.Equal(["a", "b"], summary.Objectives.Select(objective => objective.Name));
        Assert.Equal([0.5, -1], summary.Objectives.Select(objective => Assert.Single(objective.Metrics).Value));
        Assert.All(summary.Objectives, objective => Assert.Null(Assert.Single(objective.Metrics).Interval));
        Assert.Equal(6, summary.Length.Value);
        Assert.Equal(1, summary.Stopped.Value);
    }

    [Fact]
    public void Without_final_answers_there_is_no_majority()
    {
        var summary = EvaluationSummary.Of(["a"], [Evaluations.Prompt(0, ("x", 1), ("y", 0), ("z", 0))], Evaluations.Settings(3));
        Assert.Equal(["mean", "std@3", "best@2", "worst@2", "best@3", "worst@3"], summary.Objectives[0].Metrics.Select(metric => metric.Name));
    }

    [Fact]
    public void Dropped_answers_do_not_count_and_a_prompt_without_any_is_left_out()
    {
        var summary = EvaluationSummary.Of(["a"],
        [
            Evaluations.Prompt(0, ("x", 1), ("xyz", null)),
            Evaluations.Prompt(1, ("x", null), ("y", null)),
            Evaluations.Prompt(2, ("x", 0), ("", 0.5)),
        ], Evaluations.Settings(2));
        Assert.Equal(2, summary.ScoredPrompts);
        Assert.Equal((1 + 0.25) / 2, summary.Objectives[0].Metrics[0].Value, 1e-12);
        // Lengths and stops are of all answers.
        Assert.Equal((2.0 + 1 + 1) / 3, summary.Length.Value, 1e-12);
        Assert.Equal((1 + 1 + 0.5) / 3, summary.Stopped.Value, 1e-12);
        Assert.Throws<InvalidDataException>(() => EvaluationSummary.Of(["a"], [Evaluations.Prompt(1, ("x", (double?)null))], Evaluations.Settings(1)));
    }

    [Theory]
    [InlineData(1, new int[0])]
    [InlineData(2, new[] { 2 })]
    [InlineData(6, new[] { 2, 4, 6 })]
    [InlineData(8, new[] { 2, 4, 8 })]
    public void Sizes_double_up_to_the_number_of_answers(int samples, int[] expected) => Assert.Equal(expected, EvaluationSummary.Sizes(samples));

    [Theory]
    [InlineData(@"so \boxed{ 3 } or \boxed{4}", "4")]
    [InlineData("we add\n#### 1,234\nend", "1234")]
    [InlineData(@"#### 5 \boxed{6}", "6")]
    [InlineData("nothing", "")]
    [InlineData(@"\boxed{", "")]
    [InlineData("####", "")]
    public void A_vote_is_the_final_answer(string response, string expected) => Assert.Equal(expected, AnswerVote.Of(response));
}
