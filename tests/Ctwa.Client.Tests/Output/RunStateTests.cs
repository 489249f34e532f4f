using Ctwa.Client.Live;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;
using Xunit;

namespace Ctwa.Client.Tests.Output;

public sealed class RunStateTests
{
    private long sequence;

    [Fact]
    public void Time_left_is_the_mean_of_recent_steps_times_the_steps_to_go()
    {
        var state = new RunState();
        for (int step = 1; step <= 30; step++) { state.Apply(Step(step, seconds: step <= 10 ? 100 : 2)); }
        Assert.Equal(2 * (60 - 30), state.SecondsLeft!.Value, precision: 6);
    }

    [Fact]
    public void The_supervised_stage_does_not_count_towards_the_next_stage()
    {
        var state = new RunState();
        state.Apply(Event(JobEventKind.SupervisedStep, """{"step":9,"stage":"supervised","steps_total":9,"time/step_s":0.1}"""));
        Assert.Equal("supervised step 9/9", state.LastStep);
        state.Apply(Step(1, seconds: 3));
        Assert.Equal(3 * 59, state.SecondsLeft!.Value, precision: 6);
        Assert.Equal("rl step 1/60", state.LastStep);
    }

    [Fact]
    public void Held_out_means_stay_visible_between_validations()
    {
        var state = new RunState();
        state.Apply(Event(JobEventKind.Step, """{"step":1,"stage":"rl","validation/accuracy/mean":0.25}"""));
        state.Apply(Step(2, 1));
        Assert.Equal(0.25, state.HeldOut["accuracy"]);
    }

    [Fact]
    public void The_live_picture_shows_step_objectives_and_what_the_client_does()
    {
        var state = new RunState();
        state.Apply(Event(JobEventKind.Step, """{"step":30,"stage":"rl","steps_total":60,"objective/accuracy/mean":0.41,"weight/accuracy":0.35,"covariance/accuracy":0.01,"validation/accuracy/mean":0.44,"throughput/tokens_per_s":812,"time/step_s":2}"""));
        string[] lines = Draw(state, "stopping [soon]");
        Assert.Equal("arithmetic  step 30/60  ━━━━━━━━━━━━━━━───────────────  1 min 00 s left", lines[0]);
        Assert.Equal(["objective", "mean", "over", "the", "run", "held-out", "weight", "covariance"], Words(lines[1])[..8]);
        Assert.Equal(["accuracy", "0.410", "▅", "0.440", "0.350", "+0.0100"], Words(lines[2])[..6]);
        Assert.Equal("812 tok/s   2.0 s a step", lines[3]);
        Assert.Equal("stopping [soon]", lines[4]);
    }

    [Fact]
    public void The_live_picture_shows_the_activity_before_the_first_step()
    {
        var state = new RunState();
        state.Apply(Event(JobEventKind.Message, """{"message":"validating 128 prompts"}"""));
        Assert.Equal(["arithmetic", "validating 128 prompts"], Draw(state, null));
    }

    private static string[] Draw(RunState state, string? notice) =>
        [.. LiveView.Draw("arithmetic", state, notice, new TerminalSize(80, 24), Glyphs.Unicode).Select(line => line.Text.TrimEnd())];

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private JobEvent Step(int step, double seconds) =>
        Event(JobEventKind.Step, FormattableString.Invariant($$"""{"step":{{step}},"stage":"rl","steps_total":60,"objective/accuracy/mean":0.4,"time/step_s":{{seconds}}}"""));

    private JobEvent Event(JobEventKind kind, string json) => new(++sequence, kind, json);
}
