using Ctwa.Grains.Coordination;
using Xunit;

namespace Ctwa.Grains.Tests.Coordination;

public sealed class StragglerWatchTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_shard_that_takes_many_times_the_median_is_done_elsewhere_too_and_the_first_result_wins()
    {
        var watch = new StragglerWatch(3, factor: 2);
        var ended = new TaskCompletionSource();
        async Task<int> Run(string silo, CancellationToken end)
        {
            if (silo == "quick") { return 7; }
            try { await Task.Delay(TimeSpan.FromMinutes(5), end); }
            finally { ended.SetResult(); }
            return 7;
        }

        var first = watch.RunAsync(0, "a", () => "quick", (_, _) => Task.FromResult(1), Token);
        var second = watch.RunAsync(1, "a", () => "quick", (_, _) => Task.FromResult(2), Token);
        var slow = watch.RunAsync(2, "slow", () => "quick", Run, Token);
        Assert.Equal(((1, "a"), (2, "a"), (7, "quick")), (await first, await second, await slow));
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(10), Token); // Nobody waits for the loser.
        Assert.True(watch.Seconds[2] >= 2);
    }

    [Fact]
    public async Task Without_another_silo_or_a_factor_it_waits()
    {
        foreach (double factor in (double[])[0, 2])
        {
            var watch = new StragglerWatch(1, factor);
            Assert.Equal((3, "a"), await watch.RunAsync<int>(0, "a", () => null, async (_, end) =>
            {
                await Task.Delay(50, end);
                return 3;
            }, Token));
        }
    }

    [Fact]
    public async Task Of_two_the_one_that_fails_has_not_won()
    {
        var watch = new StragglerWatch(1, factor: 0.001);
        var result = await watch.RunAsync(0, "a", () => "b", async (silo, end) =>
        {
            await Task.Delay(silo == "a" ? 4000 : 10, end);
            return silo == "a" ? 5 : throw new InvalidOperationException("the second silo broke.");
        }, Token);
        Assert.Equal((5, "a"), result);
    }

    // A grain has one turn at a time: whoever waits must give it back, or the piece never ends.
    [Fact]
    public async Task A_cancelled_wait_lets_its_piece_end_on_the_same_turn()
    {
        var turns = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
        using var cancel = new CancellationTokenSource();
        var piece = new TaskCompletionSource<int>();
        Task OnTurn(Func<Task> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.None, turns).Unwrap();
        var waiting = OnTurn(() => new StragglerWatch(2, 3).RunAsync(0, "a", () => "b", (_, _) => piece.Task, cancel.Token));
        await Task.Delay(50, Token);
        await cancel.CancelAsync();
        // A cancelled delay ends a moment later; only then would a loop that does not look at the cancellation begin to spin.
        await Task.Delay(500, Token);
        await OnTurn(() =>
        {
            piece.SetException(new InvalidOperationException("lost."));
            return Task.CompletedTask;
        }).WaitAsync(TimeSpan.FromSeconds(10), Token);
        Assert.Equal("lost.", (await Assert.ThrowsAsync<InvalidOperationException>(() => waiting.WaitAsync(TimeSpan.FromSeconds(10), Token))).Message);
    }

    [Fact]
    public async Task The_first_failure_ends_the_others_and_is_what_is_told()
    {
        bool ended = false;
        Func<CancellationToken, Task<int>>[] pieces =
        [
            async token =>
            {
                try { await Task.Delay(TimeSpan.FromMinutes(5), token); }
                catch (OperationCanceledException)
                {
                    ended = true;
                    throw;
                }

                return 1;
            },
            _ => throw new InvalidOperationException("first"),
        ];
        Assert.Equal("first", (await Assert.ThrowsAsync<InvalidOperationException>(() => SideBySide.RunAsync(pieces, Token))).Message);
        Assert.True(ended);
    }
}
