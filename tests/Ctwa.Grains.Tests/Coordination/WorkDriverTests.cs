using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Grains.Tests.Coordination;

public sealed class WorkDriverTests
{
    private readonly Queue<Func<(WorkStatus, int, string?)>> _answers = new();
    private int _starts;

    [Fact]
    public async Task It_asks_until_the_work_is_done()
    {
        Answers(() => (WorkStatus.Running, 0, null), () => (WorkStatus.Running, 0, null), () => (WorkStatus.Done, 9, null));
        Assert.Equal(9, await DriveAsync());
        Assert.Equal(1, _starts);
    }

    [Fact]
    public async Task Forgotten_work_is_started_again()
    {
        Answers(() => (WorkStatus.Running, 0, null), () => (WorkStatus.Unknown, 0, null), () => (WorkStatus.Done, 9, null));
        Assert.Equal(9, await DriveAsync());
        Assert.Equal(2, _starts);
    }

    [Fact]
    public async Task Calls_that_got_lost_are_repeated()
    {
        Answers(() => throw new TimeoutException(), () => throw new TimeoutException(), () => (WorkStatus.Done, 9, null));
        Assert.Equal(9, await DriveAsync());
        Assert.Equal(3, _starts);
    }

    [Fact]
    public async Task Calls_that_always_get_lost_end_it()
    {
        Answers([.. Enumerable.Repeat<Func<(WorkStatus, int, string?)>>(() => throw new TimeoutException("gone"), 9)]);
        Assert.Equal("shard 3: gone", (await Assert.ThrowsAsync<ComputeLostException>(() => DriveAsync())).Message);
        Assert.Equal(5, _starts);
    }

    [Fact]
    public async Task Failed_work_names_who_failed_and_why()
    {
        Answers(() => (WorkStatus.Failed, 0, "FormatException: odd"));
        Assert.Equal("shard 3 failed: FormatException: odd", (await Assert.ThrowsAsync<WorkFailedException>(() => DriveAsync())).Message);
    }

    // How a job ends for its user depends on the kind of failure, whichever silo it happened on.
    [Theory]
    [InlineData("IOException: no space left", typeof(IOException), "no space left")]
    [InlineData("JobInputException: no such variable", typeof(JobInputException), "no such variable")]
    [InlineData("NumericFailureException: not finite", typeof(NumericFailureException), "not finite")]
    [InlineData("OutOfDeviceMemoryException: full", typeof(OutOfDeviceMemoryException), "shard 3: full")]
    [InlineData("TaskCanceledException: given up", typeof(ComputeLostException), "shard 3: given up")]
    [InlineData("JobNotHereException: freed", typeof(ComputeLostException), "shard 3: freed")]
    public async Task Failures_that_somebody_can_act_on_keep_their_kind(string error, Type kind, string message)
    {
        Answers(() => (WorkStatus.Failed, 0, error));
        var failure = await Assert.ThrowsAsync(kind, () => DriveAsync());
        Assert.StartsWith(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_waits_without_a_deadline()
    {
        var failure = await Assert.ThrowsAsync<WorkFailedException>(() => WorkDriver.DriveAsync(
            "shard 3", () => Task.FromResult((WorkStatus.Running, 0, (string?)null)), async () => { await Task.Delay(5); return (WorkStatus.Running, 0, (string?)null); }, answer => answer, TestContext.Current.CancellationToken, TimeSpan.FromMilliseconds(60)));
        Assert.Equal("shard 3 did not end within 0.001 minutes.", failure.Message);
    }

    [Fact]
    public async Task A_cancelled_job_stops_waiting()
    {
        using var cancelled = new CancellationTokenSource(50);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => WorkDriver.DriveAsync(
            "shard 3", () => Task.FromResult((WorkStatus.Running, 0, (string?)null)), async () => { await Task.Delay(5); return (WorkStatus.Running, 0, (string?)null); }, answer => answer, cancelled.Token));
    }

    private void Answers(params Func<(WorkStatus, int, string?)>[] answers) => Array.ForEach(answers, _answers.Enqueue);

    private Task<int> DriveAsync() => WorkDriver.DriveAsync(
        "shard 3",
        () => { _starts++; return Task.FromResult(_answers.Dequeue()()); },
        () => Task.FromResult(_answers.Dequeue()()),
        answer => answer,
        TestContext.Current.CancellationToken);
}
