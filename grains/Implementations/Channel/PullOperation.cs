using System.Threading.Tasks.Sources;

namespace Ctwa.Grains.Channel;

/// <summary>
/// One pull, from its call to its end; used again afterwards, so that pulling allocates nothing. It ends only when nothing writes to its
/// destination any more.
/// </summary>
internal sealed class PullOperation(PullPool pool) : IValueTaskSource, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _registration;
    private CancellationToken _token;
    private Exception? _failure;
    private TensorPeer? _peer;
    private Wire? _wire;
    private bool _aborted, _inline;

    public TensorRequest Request { get; private set; }

    public nint Destination { get; private set; }

    /// <summary>When it was called for, as a timestamp.</summary>
    public long Start { get; private set; }

    /// <summary>Neighbours in the queue of a peer, under that peer's lock.</summary>
    public PullOperation? Next { get; set; }

    public PullOperation? Previous { get; set; }

    public bool Queued { get; set; }

    public ValueTask Task => new(this, _core.Version);

    public void Prepare(in TensorRequest request, nint destination, long start, bool inline, CancellationToken token)
    {
        _inline = inline;
        Request = request;
        Destination = destination;
        Start = start;
        _token = token;
    }

    public bool Cancelled => _token.IsCancellationRequested;

    /// <summary>Listens to the caller's token; to be called before any other thread can see the operation.</summary>
    public void Watch() => _registration = _token.UnsafeRegister(static state => ((PullOperation)state!).Cancel(), this);

    /// <summary>From here on, cancelling takes it out of this peer's queue.</summary>
    public void QueueOn(TensorPeer peer)
    {
        lock (this) { _peer = peer; }
    }

    /// <summary>From here on, cancelling ends the connection's reads.</summary>
    public void RunOn(Wire wire)
    {
        lock (this)
        {
            _token.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(_aborted, typeof(TensorChannel));
            _wire = wire;
        }
    }

    /// <summary>Ends it because the channel ends.</summary>
    public void Abort()
    {
        lock (this)
        {
            _aborted = true;
            _wire?.Abort();
        }
    }

    /// <summary>Ends it: on a thread of the pool, so that who waits cannot hold up the connection, unless the caller wants it here.</summary>
    public void Complete(Exception? failure)
    {
        lock (this)
        {
            _wire = null;
            _peer = null;
        }

        _failure = failure switch
        {
            IOException or TimeoutException or OperationCanceledException when _token.IsCancellationRequested => new OperationCanceledException("The pull was cancelled.", failure, _token),
            IOException when _aborted => new ObjectDisposedException("The tensor channel ended during the pull.", failure),
            _ => failure,
        };
        if (_inline) { End(); } else { ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false); }
    }

    void IThreadPoolWorkItem.Execute() => End();

    private void End()
    {
        // Waits for a cancellation that is running: it must not meet the operation's next use.
        _registration.Dispose();
        if (_failure is { } failure) { _core.SetException(failure); }
        else { _core.SetResult(true); }
    }

    void IValueTaskSource.GetResult(short token)
    {
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            _registration = default;
            _token = default;
            _aborted = false;
            _failure = null;
            pool.Return(this);
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    private void Cancel()
    {
        TensorPeer? peer;
        lock (this)
        {
            peer = _peer;
            _wire?.Abort();
        }

        if (peer?.Withdraw(this) == true) { Complete(new OperationCanceledException(_token)); }
    }
}

/// <summary>Operations for their next use.</summary>
internal sealed class PullPool
{
    private const int Kept = 1024;

    private readonly Lock _gate = new();
    private readonly Stack<PullOperation> _free = new();

    public PullOperation Rent()
    {
        lock (_gate)
        {
            if (_free.TryPop(out var operation)) { return operation; }
        }

        return new PullOperation(this);
    }

    public void Return(PullOperation operation)
    {
        lock (_gate)
        {
            if (_free.Count < Kept) { _free.Push(operation); }
        }
    }
}
