using System.Diagnostics;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Ctwa.Grains.Jobs.Streams;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs.Streams;

public sealed class JobEventFeedTests
{
    private int _dropped;

    [Fact]
    public async Task Events_arrive_in_order_with_their_epoch()
    {
        var arrived = new List<JobStreamItem>();
        await using (var feed = Feed(item => { arrived.Add(item); return Task.CompletedTask; }))
        {
            var events = new JobEvents();
            events.Start(7, feed);
            for (int step = 1; step <= 50; step++) { events.Metrics(TrainingStage.Rl, "{}"); }
        }

        Assert.Equal(Enumerable.Range(1, 50).Select(i => (7L, (long)i)), arrived.Select(item => (item.Epoch, item.Event.Sequence)));
        Assert.Equal(0, _dropped);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_that_hangs_or_fails_delays_no_step_and_what_is_lost_is_counted(bool hangs)
    {
        var hung = new TaskCompletionSource();
        await using var feed = Feed(_ => hangs ? hung.Task : Task.FromException(new TimeoutException("dead")));
        var events = new JobEvents();
        events.Start(1, feed);
        var slowest = TimeSpan.Zero;
        for (int step = 0; step < 5000; step++)
        {
            long start = Stopwatch.GetTimestamp();
            events.Metrics(TrainingStage.Rl, """{"stage":"rl"}""");
            var took = Stopwatch.GetElapsedTime(start);
            if (took > slowest) { slowest = took; }
        }

        // Far below the five seconds that the stream may hang; the rest is what a busy machine needs.
        Assert.InRange(slowest.TotalSeconds, 0, 1);
        // Nobody who asks misses anything.
        Assert.Equal(5000, (await AllAsync(events)).Count);
        hung.SetResult();
        if (hangs) { Assert.InRange(_dropped, 5000 - JobEventFeed.Capacity - 1, 5000); }
        else
        {
            await feed.DisposeAsync();
            Assert.Equal(5000, _dropped);
        }
    }

    [Fact]
    public async Task An_event_that_is_no_message_any_more_is_left_to_those_who_ask()
    {
        var arrived = new List<JobStreamItem>();
        var feed = Feed(item => { arrived.Add(item); return Task.CompletedTask; });
        var events = new JobEvents();
        events.Start(1, feed);
        events.Message(new string('x', 60_000));
        events.Message("next");
        await feed.DisposeAsync();
        Assert.Equal(2, Assert.Single(arrived).Event.Sequence);
        Assert.Equal(1, _dropped);
    }

    [Fact]
    public async Task A_new_incarnation_begins_again_at_one()
    {
        var events = new JobEvents();
        events.Message("a");
        events.Start(3);
        Assert.Empty(await events.AfterAsync(0, () => true, TestContext.Current.CancellationToken));
        events.Message("b");
        Assert.Equal((3, 1), (events.Epoch, Assert.Single(await events.AfterAsync(0, () => true, TestContext.Current.CancellationToken)).Sequence));
        // A watcher of the one before asks beyond the end, however far.
        Assert.Empty(await events.AfterAsync(long.MaxValue, () => true, TestContext.Current.CancellationToken));
    }

    private static async Task<List<JobEvent>> AllAsync(JobEvents events)
    {
        var all = new List<JobEvent>();
        while (await events.AfterAsync(all.Count, () => true, TestContext.Current.CancellationToken) is { IsEmpty: false } page) { all.AddRange(page); }
        return all;
    }

    private JobEventFeed Feed(Func<JobStreamItem, Task> publish) => new(publish, () => Interlocked.Increment(ref _dropped));
}
