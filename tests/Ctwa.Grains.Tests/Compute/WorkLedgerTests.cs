using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Xunit;

namespace Ctwa.Grains.Tests.Compute;

public sealed class WorkLedgerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly WorkLedger<int> _ledger = new();
    private int _runs;

    [Fact]
    public async Task A_piece_started_twice_runs_once()
    {
        var gate = new TaskCompletionSource<int>();
        _ledger.Start("a", () => { _runs++; return gate.Task; });
        _ledger.Start("a", () => { _runs++; return gate.Task; });
        gate.SetResult(7);
        Assert.Equal((WorkStatus.Done, 7, null), await _ledger.PollAsync("a", Token));
        _ledger.Start("a", () => { _runs++; return Task.FromResult(8); });
        Assert.Equal((WorkStatus.Done, 7, null), await _ledger.PollAsync("a", Token));
        Assert.Equal(1, _runs);
    }

    [Fact]
    public async Task A_piece_that_is_done_is_done_again_when_what_it_left_is_gone_and_one_that_runs_is_not()
    {
        var gate = new TaskCompletionSource<int>();
        _ledger.Start("a", () => { _runs++; return gate.Task; });
        _ledger.Start("a", () => { _runs++; return gate.Task; }, counts: false);
        gate.SetResult(7);
        Assert.Equal((WorkStatus.Done, 7, null), await _ledger.PollAsync("a", Token));
        Assert.Equal(1, _runs);
        _ledger.Start("a", () => { _runs++; return Task.FromResult(8); }, counts: false);
        Assert.Equal((WorkStatus.Done, 8, null), await _ledger.PollAsync("a", Token));
        Assert.Equal(2, _runs);
    }

    [Fact]
    public async Task A_job_opened_anew_gets_no_answer_of_its_earlier_attempt()
    {
        object first = new(), second = new();
        _ledger.BelongTo(first);
        _ledger.Start("a", () => Task.FromResult(1));
        _ledger.BelongTo(first);
        Assert.Equal((WorkStatus.Done, 1, null), await _ledger.PollAsync("a", Token));
        _ledger.BelongTo(second);
        Assert.Equal((WorkStatus.Unknown, 0, null), await _ledger.PollAsync("a", Token));
        _ledger.Start("a", () => Task.FromResult(2));
        Assert.Equal((WorkStatus.Done, 2, null), await _ledger.PollAsync("a", Token));
    }

    [Fact]
    public async Task A_failed_piece_reports_its_reason_and_may_be_started_again()
    {
        _ledger.Start("a", () => Task.FromException<int>(new InvalidDataException("no weights here")));
        Assert.Equal((WorkStatus.Failed, 0, "InvalidDataException: no weights here"), await _ledger.PollAsync("a", Token));
        _ledger.Start("a", () => Task.FromResult(3));
        Assert.Equal((WorkStatus.Done, 3, null), await _ledger.PollAsync("a", Token));
    }

    [Fact]
    public async Task Work_that_throws_at_once_has_failed_and_harms_no_other()
    {
        _ledger.Start("broken", () => throw new NotSupportedException("never"));
        Assert.Equal((WorkStatus.Failed, 0, "NotSupportedException: never"), await _ledger.PollAsync("broken", Token));
        foreach (int i in Enumerable.Range(0, 20)) { _ledger.Start($"{i}", () => Task.FromResult(i)); }
        Assert.Equal(WorkStatus.Unknown, (await _ledger.PollAsync("broken", Token)).Status);
        Assert.Equal((WorkStatus.Done, 19, null), await _ledger.PollAsync("19", Token));
    }

    [Fact]
    public async Task A_piece_that_was_never_started_is_unknown() =>
        Assert.Equal((WorkStatus.Unknown, 0, null), await _ledger.PollAsync("a", Token));

    [Fact]
    public async Task A_poll_of_long_work_returns_before_a_call_may_take()
    {
        _ledger.Start("a", () => new TaskCompletionSource<int>().Task);
        var poll = _ledger.PollAsync("a", Token);
        Assert.Equal(WorkStatus.Running, (await poll.WaitAsync(TimeSpan.FromSeconds(5), Token)).Status);
    }

    [Fact]
    public async Task Old_results_are_forgotten_but_running_work_never()
    {
        var gate = new TaskCompletionSource<int>();
        _ledger.Start("running", () => gate.Task);
        foreach (int i in Enumerable.Range(0, 20)) { _ledger.Start($"{i}", () => Task.FromResult(i)); }
        gate.SetResult(1);
        Assert.Equal((WorkStatus.Done, 1, null), await _ledger.PollAsync("running", Token));
        _ledger.Start("next", () => Task.FromResult(0));
        Assert.Equal(WorkStatus.Unknown, (await _ledger.PollAsync("0", Token)).Status);
        Assert.Equal(WorkStatus.Done, (await _ledger.PollAsync("19", Token)).Status);
    }
}
