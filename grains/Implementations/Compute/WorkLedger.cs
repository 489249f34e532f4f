using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Compute;

/// <summary>
/// The pieces of work that a grain was asked for, by identity: a piece asked for twice runs once. Kept on the grain's
/// turn, so it needs no lock.
/// </summary>
/// <param name="remembered">Pieces that are kept. Default: a coordinator is never more than a few pieces ahead of the one it last asked about.</param>
internal sealed class WorkLedger<TResult>(int remembered = 8)
{
    private static readonly TimeSpan s_longestPoll = TimeSpan.FromSeconds(2);
    private readonly Dictionary<string, Task<TResult>> _work = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();
    private object? _owner;

    /// <summary>
    /// Forgets everything if the job has been opened anew since: a resumed run repeats the keys of its earlier attempt, and must not
    /// get what that was answered.
    /// </summary>
    public void BelongTo(object owner)
    {
        if (ReferenceEquals(_owner, owner)) { return; }
        _owner = owner;
        _work.Clear();
        _order.Clear();
    }

    /// <summary>Starts a piece of work unless it is known. A failed one is started again.</summary>
    /// <param name="key">Identity.</param>
    /// <param name="work">Does it.</param>
    /// <param name="counts">False: what it left here when it was done is gone, so it is done again.</param>
    public void Start(string key, Func<Task<TResult>> work, bool counts = true)
    {
        if (_work.TryGetValue(key, out var known) && !known.IsFaulted && (counts || !known.IsCompleted)) { return; }
        if (known is null) { _order.Enqueue(key); }
        _work[key] = RunAsync(work);
        while (_order.Count > remembered && _work[_order.Peek()].IsCompleted) { _work.Remove(_order.Dequeue()); }
    }

    /// <summary>Waits a while for a piece of work.</summary>
    public async Task<(WorkStatus Status, TResult? Result, string? Error)> PollAsync(string key, CancellationToken cancellationToken)
    {
        if (!_work.TryGetValue(key, out var work)) { return (WorkStatus.Unknown, default, null); }
        if (!work.IsCompleted) { await Task.WhenAny(work, Task.Delay(s_longestPoll, cancellationToken)); }
        if (!work.IsCompleted) { return (WorkStatus.Running, default, null); }
        if (work.IsCompletedSuccessfully) { return (WorkStatus.Done, await work, null); }
        return (WorkStatus.Failed, default, work.Exception?.GetBaseException() is { } failure ? $"{failure.GetType().Name}: {failure.Message}" : "cancelled");
    }

    // Whatever the work throws before its first await is its failure too, not that of the call that starts it.
    private static async Task<TResult> RunAsync(Func<Task<TResult>> work) => await work();
}
