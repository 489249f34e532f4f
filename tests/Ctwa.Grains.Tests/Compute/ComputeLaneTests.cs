using Ctwa.Grains.Compute;
using Xunit;

namespace Ctwa.Grains.Tests.Compute;

public sealed class ComputeLaneTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ComputeLane _lane = new(3, nativeThreads: 1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_work_runs_on_one_thread_of_its_own_in_the_order_of_the_calls()
    {
        var order = new List<int>();
        var work = Enumerable.Range(0, 100).Select(i => _lane.RunAsync(() =>
        {
            order.Add(i);
            return (Thread.CurrentThread.Name, Environment.CurrentManagedThreadId);
        })).ToArray();
        var threads = await Task.WhenAll(work).WaitAsync(Patience, Token);
        Assert.Equal(("ctwa-lane-3", threads[0].CurrentManagedThreadId), Assert.Single(threads.Distinct()));
        Assert.NotEqual(Environment.CurrentManagedThreadId, threads[0].CurrentManagedThreadId);
        Assert.Equal(Enumerable.Range(0, 100), order);
    }

    [Fact]
    public async Task What_work_throws_reaches_its_caller_and_the_lane_goes_on()
    {
        var failure = await Assert.ThrowsAsync<InvalidDataException>(() => _lane.RunAsync(() => throw new InvalidDataException("bad tensor")).WaitAsync(Patience, Token));
        Assert.Equal("bad tensor", failure.Message);
        Assert.Equal(5, await _lane.RunAsync(() => 5).WaitAsync(Patience, Token));
    }

    [Fact]
    public async Task Callers_continue_off_the_lane()
    {
        string? after = null;
        // Without the test's own context, which would hide where the continuation runs.
        await Task.Run(async () =>
        {
            await _lane.RunAsync(() => Thread.Sleep(20));
            after = Thread.CurrentThread.Name;
        }, Token).WaitAsync(Patience, Token);
        Assert.NotEqual("ctwa-lane-3", after);
    }

    public void Dispose() => _lane.Dispose();
}
