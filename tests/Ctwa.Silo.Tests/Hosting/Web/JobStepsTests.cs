using Ctwa.Grains.Abstractions;
using Ctwa.Silo.Hosting.Web.Status;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Web;

public sealed class JobStepsTests
{
    private static string Line(int step, string more = "") => $$"""{"stage":"rl","step":{{step}},"steps_total":500,"objective/accuracy/mean":0.{{step + 1000}},"objective/a/b/mean":1E-05,"weight/accuracy":0.30000000000000004{{more}},"time/step_s":1.5,"throughput/tokens_per_s":812}""";

    [Fact]
    public void Numbers_keep_the_text_that_the_run_wrote()
    {
        var step = JobSteps.Parse(Line(3))!;
        Assert.Equal(new JobPosition(false, 3), step.Position);
        Assert.Equal(new MetricNumber("0.1003", 0.1003), step.Means["accuracy"]);
        Assert.Equal("1E-05", step.Means["a/b"].Text);
        Assert.Equal("0.30000000000000004", step.Weights["accuracy"].Text);
        Assert.False(step.Weights.ContainsKey("a/b"));
        Assert.Equal(("1.5", "812"), (step.Seconds!.Value.Text, step.TokensPerSecond!.Value.Text));
        Assert.Null(step.Interference);
    }

    [Fact]
    public void Interference_names_who_fell_and_who_gained()
    {
        var steps = new JobSteps();
        steps.Add(Line(1, ""","interference/events":0"""));
        steps.Add(Line(2, ""","interference/events":1,"interference/pair/accuracy/a/b":1"""));
        Assert.Equal([("accuracy", "a/b")], Assert.Single(steps.Interference).Pairs);
        for (int step = 3; step < 40; step++) { steps.Add(Line(step, ""","interference/events":1""")); }
        Assert.Equal(10, steps.Interference.Count);
        Assert.Equal(39, steps.Interference[^1].Position.Step);
    }

    [Fact]
    public void The_window_is_bounded_old_lines_are_passed_over_and_a_stage_ends_the_one_before()
    {
        var steps = new JobSteps();
        for (int step = 1; step <= 5; step++) { steps.Add($$"""{"stage":"supervised","step":{{step}},"loss/supervised":2.5}"""); }
        Assert.Equal("2.5", steps.Steps[^1].Means[JobSteps.Loss].Text);
        for (int step = 0; step < 1000; step++) { steps.Add(Line(step)); }
        steps.Add(Line(998));
        Assert.Equal(JobSteps.Window, steps.Steps.Count);
        Assert.Equal((760, 999), (steps.Steps[0].Position.Step, steps.Steps[^1].Position.Step));
        Assert.Equal(new JobPosition(false, 759), JobSteps.Start(new JobPosition(false, 999)));
        Assert.Equal(new JobPosition(false, -1), JobSteps.Start(new JobPosition(false, 7)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"stage\":\"rl\"}")]
    [InlineData("{\"stage\":1,\"step\":1}")]
    [InlineData("{\"stage\":\"rl\",\"step\":1.5}")]
    [InlineData("{\"stage\":\"rl\",\"step\":1")]
    [InlineData("{\"stage\":\"\\ud800\",\"step\":\"x\"}")]
    [InlineData("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}},\"stage\":\"rl\",\"step\":1}")]
    public void What_is_no_line_of_metrics_is_none(string line) => Assert.Null(JobSteps.Parse(line));

    [Fact]
    public void What_is_no_number_is_left_out_and_many_objectives_are_cut()
    {
        string line = """{"stage":"rl","step":1,"objective/x/mean":"0.5","objective/y/mean":1e999,"objective//mean":1,"""
            + string.Join(',', Enumerable.Range(0, 40).Select(i => $"\"objective/o{i}/mean\":{i}")) + "}";
        var step = JobSteps.Parse(line)!;
        Assert.Equal(JobSteps.MostObjectives, step.Means.Count);
        Assert.DoesNotContain(step.Means.Keys, name => name is "x" or "y" or "");
    }

    [Fact]
    public void A_sample_has_few_points_and_always_the_newest()
    {
        foreach (int count in (int[])[0, 1, 59, 60, 61, 119, 120, 121, 240, 1000])
        {
            int[] all = [.. Enumerable.Range(0, count)];
            var some = Sample.Of(all);
            Assert.InRange(some.Count, Math.Min(count, 1), Sample.MostPoints);
            Assert.Equal(some.Order(), some);
            if (count > 0) { Assert.Equal(all[^1], some[^1]); }
        }
    }
}
