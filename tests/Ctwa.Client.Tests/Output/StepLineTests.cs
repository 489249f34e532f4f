using Ctwa.Client.Output;
using Xunit;

namespace Ctwa.Client.Tests.Output;

public sealed class StepLineTests
{
    private const string Step =
        """
        {"step":7,"stage":"rl","steps_total":60,
         "objective/accuracy/mean":0.41234,"weight/accuracy":0.35,"covariance/accuracy":0.01234,
         "objective/clarity/mean":0.2,"weight/clarity":0.65,"covariance/clarity":-0.00051,
         "validation/clarity/mean":0.25,
         "response/length/mean":23.14,"policy/kl":0.00123,"loss/policy":-0.0321,
         "throughput/tokens_per_s":12345.6,"time/step_s":1.5,"other":"text","gone":null}
        """;

    [Fact]
    public void A_step_is_one_line_with_every_number_that_the_metrics_hold() => Assert.Equal(
        "step  7/60  accuracy 0.412 (w 0.350, cov +0.0123)  clarity 0.200 (w 0.650, cov -0.0005, held-out 0.250)"
        + "  length 23.1  kl 0.0012  loss -0.0321  12.3k tok/s  1 min 20 s left",
        StepLine.Format(JobMetrics.Parse(Step)!, secondsLeft: 79.5));

    [Fact]
    public void Missing_metrics_are_left_out() => Assert.Equal(
        "step 3  accuracy 0.500",
        StepLine.Format(JobMetrics.Parse("""{"step":3,"stage":"rl","objective/accuracy/mean":0.5}""")!, secondsLeft: null));

    [Fact]
    public void A_supervised_step_shows_its_loss() => Assert.Equal(
        "supervised  50/400  loss 1.2346  900 tok/s",
        StepLine.Format(JobMetrics.Parse("""{"step":50,"stage":"supervised","steps_total":400,"loss/supervised":1.23456,"throughput/tokens_per_s":900.2}""")!, null));

    [Theory]
    [InlineData("supervised", 1, true)]
    [InlineData("supervised", 2, false)]
    [InlineData("supervised", 50, true)]
    [InlineData("supervised", 51, false)]
    [InlineData("supervised", 120, true)]
    [InlineData("rl", 2, true)]
    public void Supervised_steps_get_a_line_now_and_then_and_others_always(string stage, int step, bool shown) => Assert.Equal(
        shown, StepLine.IsShown(JobMetrics.Parse($$"""{"step":{{step}},"stage":"{{stage}}","steps_total":120}""")!));

    [Theory]
    [InlineData("")]
    [InlineData("[1]")]
    [InlineData("{\"step\":")]
    public void What_is_not_a_metrics_line_is_not_shown(string text) => Assert.Null(JobMetrics.Parse(text));

    [Fact]
    public void A_step_in_which_an_objective_paid_for_another_says_so() =>
        Assert.Equal(
            "step 3  a 0.500  a paid for b  length 9.0",
            StepLine.Format(JobMetrics.Parse("""{"step":3,"stage":"rl","objective/a/mean":0.5,"interference/events":1,"interference/pair/a/b":1,"response/length/mean":9}""")!, secondsLeft: null));
}
