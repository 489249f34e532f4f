using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;
using Xunit;

namespace Ctwa.Client.Tests.Output;

public sealed class PlainOutputTests
{
    [Fact]
    public async Task Plain_output_holds_lines_only_and_warnings_go_to_the_error_stream()
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        var run = RunDirectory.CreateAt(Path.Combine(silo.Folder, "run"), silo.Folder);
        var output = new StringWriter();
        var error = new StringWriter();
        await using (var shown = new PlainOutput(output, error, run))
        {
            shown.Note("run directory run");
            shown.Show(new JobEvent(1, JobEventKind.Message, """{"message":"warm start: 400 steps"}"""));
            shown.Show(new JobEvent(2, JobEventKind.Warning, """{"message":"ctwa runs in reference mode"}"""));
            for (int step = 1; step <= 60; step++) { shown.Show(new JobEvent(2 + step, JobEventKind.SupervisedStep, $$"""{"step":{{step}},"stage":"supervised","steps_total":60,"loss/supervised":2.5}""")); }
            shown.Show(new JobEvent(70, JobEventKind.Step, """{"step":1,"stage":"rl","steps_total":2,"objective/accuracy/mean":0.25,"time/step_s":4}"""));
            shown.Show(new JobEvent(71, JobEventKind.Checkpoint, $$"""{"path":"{{run.FullPath}}/checkpoints/step-000001","step":1,"stage":"rl"}"""));
            shown.Show(new JobEvent(72, JobEventKind.Summary, """{"objectives":[{"name":"accuracy","before":0.1,"after":0.5,"verdict":"rose"}],"steps":2}"""));
            Assert.Equal("rl step 1/2", shown.LastStep);
        }

        Assert.Equal("warning: ctwa runs in reference mode\n", error.ToString());
        Assert.Equal(
            """
            run directory run
            warm start: 400 steps
            supervised  1/60  loss 2.5
            supervised 50/60  loss 2.5
            supervised 60/60  loss 2.5
            step 1/2  accuracy 0.250  4.0 s left
            checkpoint run/checkpoints/step-000001

            Held-out problems before and after 2 steps

            objective  before  after  change  verdict
            accuracy    0.100  0.500  +0.400  rose

            No objective paid for another.

            """,
            output.ToString(),
            ignoreLineEndingDifferences: true);
    }

    [Theory]
    [InlineData(false, "xterm-256color", true)]
    [InlineData(true, "xterm-256color", false)]
    [InlineData(false, "dumb", false)]
    [InlineData(false, null, false)]
    public void Live_progress_needs_a_terminal_that_moves_its_cursor(bool isRedirected, string? terminal, bool live) => Assert.Equal(live, Terminal.IsLive(isRedirected, terminal));

    [Theory]
    [InlineData(null, true)]
    [InlineData("", true)]
    [InlineData("1", false)]
    [InlineData("0", false)]
    public void NO_COLOR_takes_the_colours_away(string? value, bool color) => Assert.Equal(color, Terminal.HasColor(value));
}
