using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class JobOverridesTests
{
    [Fact]
    public void Overrides_reach_scalars_lists_names_and_absent_sections()
    {
        var spec = Jobs.Read(
            Jobs.Small,
            "schedule.steps=3",
            "warm_start.steps=40",
            "warm_start.optimizer.betas=[0.8, 0.9]",
            "objectives[0].weight=2",
            "objectives.clarity.weight=3",
            "scalarizer={method: ctwa, targets: 0.1}",
            "name=other",
            "optimizer.learning_rate = 1e-3");
        Assert.Equal(3, spec.Schedule.Steps);
        Assert.Equal(40, spec.WarmStart!.Steps);
        Assert.Equal([0.8, 0.9], spec.WarmStart.Optimizer.Betas);
        Assert.Equal([2.0, 3.0], spec.Objectives.Select(o => o.Weight));
        Assert.IsType<CtwaScalarizerSpec>(spec.Scalarizer);
        Assert.Equal("other", spec.Name);
        Assert.Equal(1e-3, spec.Optimizer.LearningRate);
    }

    [Fact]
    public void A_later_override_wins_and_null_brings_back_the_default()
    {
        Assert.Equal(5, Jobs.Read(Jobs.Small, "schedule.steps=4", "schedule.steps=5").Schedule.Steps);
        Assert.Equal(100, Jobs.Read(Jobs.Small, "schedule.steps=4", "schedule.steps=null").Schedule.Steps);
        Assert.Equal(1.0, Jobs.Read(Jobs.Small, "objectives[0].weight=null").Objectives[0].Weight);
    }

    [Theory]
    [InlineData("schedule.stpes=3", "--set schedule.stpes=3: schedule.stpes: unknown key; did you mean 'steps'?")]
    [InlineData("schedule.steps=many", "--set schedule.steps=many: schedule.steps: is text, 'many'; accepted are whole numbers from 0 to 100000000.")]
    [InlineData("schedule.steps", "--set schedule.steps: expected is path=value, such as schedule.steps=10 or objectives[0].weight=2.")]
    [InlineData("=3", "expected is path=value")]
    [InlineData("a..b=3", "expected is path=value")]
    [InlineData("objectives[x].weight=3", "expected is path=value")]
    [InlineData("objectives[2].weight=3", "objectives has 2 entries, counted from 0")]
    [InlineData("objectives[99999999999].weight=3", "objectives has 2 entries, counted from 0")]
    [InlineData("objectives.speed.weight=3", "objectives has no entry named 'speed'; it has: accuracy, clarity.")]
    [InlineData("name.first=3", "name is text, 'small'; it has no key 'first'.")]
    [InlineData("name[0]=3", "name is text, not a list")]
    [InlineData("scalarizer=[1,", "--set scalarizer=[1,: not valid YAML")]
    [InlineData("data.train.path=x.jsonl", "data.train: has both task and path")]
    [InlineData("schedule.validate_every=-1", "--set schedule.validate_every=-1: schedule.validate_every: is -1")]
    [InlineData("schedule.steps={a: 1, a: 2}", "the key 'a' is given twice")]
    public void Errors_name_the_text_of_the_override(string text, string expected) =>
        Assert.Contains(Jobs.Errors(Jobs.Small, text), e => e.ToString().Contains(expected, StringComparison.Ordinal));
}
