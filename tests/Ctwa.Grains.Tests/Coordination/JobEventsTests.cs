using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Grains.Tests.Coordination;

public sealed class JobEventsTests
{
    private readonly JobEvents _events = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_watcher_that_comes_late_gets_everything_in_order()
    {
        _events.Message("begins");
        _events.Metrics(TrainingStage.Supervised, """{"step":1}""");
        _events.Metrics(TrainingStage.Rl, """{"step":1}""");
        _events.Checkpoint(TrainingStage.Rl, 1, "/run/step-000001");
        var all = await _events.AfterAsync(0, () => false, Token);
        Assert.Equal([1, 2, 3, 4], all.Select(e => e.Sequence));
        Assert.Equal([JobEventKind.Message, JobEventKind.SupervisedStep, JobEventKind.Step, JobEventKind.Checkpoint], all.Select(e => e.Kind));
        Assert.Equal([3, 4], (await _events.AfterAsync(2, () => false, Token)).Select(e => e.Sequence));
    }

    [Fact]
    public async Task Answers_stay_below_the_size_of_a_message_and_leave_nothing_out()
    {
        for (int step = 0; step < 100; step++) { _events.Metrics(TrainingStage.Rl, $$"""{"text":"{{new string('é', 2000)}}"}"""); }
        long seen = 0;
        while (seen < 100)
        {
            var part = await _events.AfterAsync(seen, () => false, Token);
            Assert.InRange(part.Sum(e => 2L * e.Json.Length), 1, 64 * 1024);
            Assert.Equal(Enumerable.Range((int)seen + 1, part.Length), part.Select(e => (int)e.Sequence));
            seen += part.Length;
        }
    }

    [Fact]
    public async Task An_event_larger_than_a_message_is_told_alone()
    {
        _events.Message(new string('x', 60_000));
        _events.Message("next");
        Assert.Single(await _events.AfterAsync(0, () => false, Token));
        Assert.Single(await _events.AfterAsync(1, () => false, Token));
    }

    [Fact]
    public async Task A_waiting_watcher_is_woken_by_the_next_event()
    {
        var waiting = _events.AfterAsync(0, () => false, Token);
        Assert.False(waiting.IsCompleted);
        _events.Warning("hot");
        Assert.Equal("""{"message":"hot"}""", Assert.Single(await waiting).Json);
    }

    [Fact]
    public async Task Without_news_it_answers_with_nothing_in_time()
    {
        Assert.Empty(await _events.AfterAsync(0, () => false, Token).WaitAsync(TimeSpan.FromSeconds(5), Token));
        var afterEnd = _events.AfterAsync(0, () => true, Token);
        Assert.True(afterEnd.IsCompleted);
        Assert.Empty(await afterEnd);
    }
}
