using Ctwa.Client.Grid;
using Ctwa.Grains.Abstractions;
using Xunit;
using static Ctwa.Client.Tests.Grid.FakeJobGrid;

namespace Ctwa.Client.Tests.Grid;

/// <summary>Watching through everything that may happen to a job's coordinator.</summary>
public sealed class GridJobWatcherTests
{
    private readonly ShownOutput output = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_job_is_followed_from_the_queue_to_its_end()
    {
        var grid = new FakeJobGrid { Job = n => Record(n < 3 ? JobState.Queued : n < 4 ? JobState.Running : JobState.Succeeded) };
        grid.Watch = (n, after) => after == 0 ? Progress(1, JobStatus.Running, Step(1, 1), Step(2, 2)) : Progress(1, n < 5 ? JobStatus.Running : JobStatus.Succeeded);
        grid.SummaryText = """{"steps":2}""";
        Assert.Equal(JobState.Succeeded, (await WatchAsync(grid)).State);
        Assert.Equal(["queued", "running", "rl 1", "rl 2", "summary"], output.Lines);
    }

    [Fact]
    public async Task Who_comes_late_first_gets_what_happened_before_and_each_step_once()
    {
        var grid = new FakeJobGrid { Job = n => Record(n < 2 ? JobState.Running : JobState.Succeeded) };
        grid.Metrics.AddRange([Line(1, "supervised"), Line(2, "supervised"), Line(1), Line(2), Line(3)]);
        // The present coordinator began at step 2.
        grid.Watch = (_, after) => after == 0 ? Progress(3, JobStatus.Running, Step(1, 2), Step(2, 3), Step(3, 4)) : Progress(3, JobStatus.Succeeded);
        await WatchAsync(grid);
        Assert.Equal(["supervised 1", "supervised 2", "rl 1", "rl 2", "rl 3", "rl 4"], output.Lines);
    }

    [Fact]
    public async Task A_coordinator_that_is_lost_is_waited_for_and_nothing_is_shown_twice_or_left_out()
    {
        var grid = new FakeJobGrid { Job = n => Record(n < 8 ? JobState.Running : JobState.Succeeded) };
        grid.Metrics.AddRange([Line(1), Line(2), Line(3)]);
        grid.Watch = (n, after) => n switch
        {
            1 or 2 => Progress(1, JobStatus.Running, after == 0 ? [Step(1, 1), Step(2, 2)] : []),
            3 => throw new TimeoutException(),
            4 or 5 or 6 => new JobProgress(JobStatus.Unknown, [], null),
            // It does step 3, which its predecessor had done and told nobody, again; then step 4.
            _ => Progress(2, JobStatus.Running, [.. ((JobEvent[])[new JobEvent(1, JobEventKind.Message, """{"message":"resumed"}"""), Step(2, 3), Step(3, 4)]).Where(e => e.Sequence > after)]),
        };
        await WatchAsync(grid);
        Assert.Equal(["rl 1", "rl 2", "rl 3"], output.Lines.Where(line => line.StartsWith("rl", StringComparison.Ordinal)).Take(3));
        Assert.Equal("rl 4", output.Lines[^1]);
        Assert.Equal(4, output.Lines.Count(line => line.StartsWith("rl", StringComparison.Ordinal)));
        Assert.Contains(output.Lines, line => line.StartsWith("resumed by another silo", StringComparison.Ordinal));
        Assert.DoesNotContain(output.Lines, line => line.StartsWith("warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Events_of_a_stream_are_shown_as_they_come_and_gaps_are_asked_for()
    {
        var grid = new FakeJobGrid { Streams = true };
        bool ended = false;
        grid.Job = _ => Record(ended ? JobState.Succeeded : JobState.Running);
        JobEvent[] all = [.. Enumerable.Range(1, 6).Select(i => Step(i, i))];
        int told = 1;
        grid.Watch = (_, after) => Progress(1, JobStatus.Running, [.. all.Take(told).Where(e => e.Sequence > after)]);
        var watching = WatchAsync(grid);
        await UntilAsync(() => output.Lines.Contains("rl 1"));
        int asked = grid.Watches;
        // The second and third come by the stream alone; the fourth is lost, the fifth shows it.
        told = 0;
        grid.Publish(new JobStreamItem(1, all[1]));
        grid.Publish(new JobStreamItem(1, all[2]));
        await UntilAsync(() => output.Lines.Contains("rl 3"));
        told = 5;
        grid.Publish(new JobStreamItem(1, all[4]));
        await UntilAsync(() => output.Lines.Contains("rl 5"));
        // A message of an incarnation that is over, and one twice.
        grid.Publish(new JobStreamItem(0, Step(9, 99)));
        grid.Publish(new JobStreamItem(1, all[4]));
        ended = true;
        await watching;
        Assert.Equal(["rl 1", "rl 2", "rl 3", "rl 4", "rl 5"], output.Lines);
        Assert.True(grid.Unsubscribed);
        Assert.True(grid.Watches > asked);
    }

    [Fact]
    public async Task An_ended_job_is_shown_from_its_files_without_waking_its_coordinator()
    {
        var grid = new FakeJobGrid { Job = _ => Record(JobState.Succeeded), SummaryText = """{"steps":3}""" };
        grid.Metrics.AddRange([Line(1), Line(2), Line(3)]);
        await WatchAsync(grid);
        Assert.Equal(["rl 1", "rl 2", "rl 3", "summary"], output.Lines);
        Assert.Equal(0, grid.Watches);
    }

    [Fact]
    public async Task A_job_that_the_grid_does_not_know_is_bad_input()
    {
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => WatchAsync(new FakeJobGrid()));
        Assert.Equal((ExitCodes.BadInput, "there is no job 'tiny-1' on this grid; ctwa jobs lists them."), (failure.ExitCode, failure.Message));
    }

    [Fact]
    public void An_earlier_incarnation_is_not_listened_to_any_more()
    {
        var seen = new SeenEvents(output);
        Assert.True(seen.Begin(5));
        Assert.False(seen.Begin(5));
        Assert.False(seen.Begin(4));
        Assert.Equal(5, seen.Epoch);
        // The embedded mode has but one.
        var only = new SeenEvents(output);
        Assert.False(only.Begin(0));
        Assert.Empty(output.Lines);
    }

    private static async Task UntilAsync(Func<bool> done)
    {
        long start = Environment.TickCount64;
        while (!done())
        {
            Assert.InRange(Environment.TickCount64 - start, 0, 20_000);
            await Task.Delay(5, Token);
        }
    }

    private Task<JobRecord> WatchAsync(FakeJobGrid grid) => new GridJobWatcher(grid, "tiny-1", new PatientCalls(Short), output, Short).WatchAsync(Token);
}
