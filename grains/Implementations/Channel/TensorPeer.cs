using System.Diagnostics;

namespace Ctwa.Grains.Channel;

/// <summary>
/// Large or small pulls from one other silo: a queue, and up to <see cref="TensorChannelOptions.RequestsInFlight"/> threads, each with a connection of
/// its own. Threads start when they are needed and leave when they have been idle.
/// </summary>
internal sealed class TensorPeer(TensorEndpoint endpoint, bool bulk, TensorChannelOptions options, Action<TensorPeer> retire)
{
    private readonly object _gate = new();
    private PullOperation? _head, _tail;
    private readonly List<PullOperation> _running = [];
    private int _waiting, _threads, _idle;
    private bool _retired, _stopping;
    private long _progress = Stopwatch.GetTimestamp();

    public TensorEndpoint Endpoint => endpoint;

    /// <summary>Whether these are large pulls, whose threads stand back.</summary>
    public bool Bulk => bulk;

    /// <summary>Puts an operation at the end of the queue.</summary>
    /// <returns>False if this object's last thread has left; the caller takes another one.</returns>
    public bool Enqueue(PullOperation operation)
    {
        Exception? failure = null;
        lock (_gate)
        {
            if (_retired && !_stopping) { return false; }
            if (operation.Cancelled) { failure = new OperationCanceledException(); }
            else if (_stopping) { failure = new ObjectDisposedException(nameof(TensorChannel)); }
            else if (_waiting >= options.RequestsWaiting) { failure = new IOException($"{_waiting} pulls from {endpoint.Host}:{endpoint.Port} wait already, as many as may; ask for fewer at a time."); }
            else { Append(operation); }
        }

        if (failure is not null) { operation.Complete(failure); }
        return true;
    }

    /// <summary>Takes an operation out of the queue, if it is still there.</summary>
    public bool Withdraw(PullOperation operation)
    {
        lock (_gate)
        {
            if (!operation.Queued) { return false; }
            Unlink(operation);
            return true;
        }
    }

    /// <summary>Fails what waits, breaks what runs, and lets the threads end.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopping = true;
            foreach (var running in _running) { running.Abort(); }
        }

        while (true)
        {
            PullOperation? operation;
            lock (_gate)
            {
                operation = _head;
                if (operation is null)
                {
                    Monitor.PulseAll(_gate);
                    return;
                }

                Unlink(operation);
            }

            operation.Complete(new ObjectDisposedException(nameof(TensorChannel)));
        }
    }

    /// <summary>Something arrived from the peer.</summary>
    public void Progressed() => Volatile.Write(ref _progress, Stopwatch.GetTimestamp());

    private void Append(PullOperation operation)
    {
        operation.QueueOn(this);
        (operation.Queued, operation.Previous, operation.Next) = (true, _tail, null);
        if (_tail is null) { _head = operation; } else { _tail.Next = operation; }
        _tail = operation;
        _waiting++;
        if (_waiting > _idle && _threads < options.RequestsInFlight)
        {
            _threads++;
            ChannelThread.Create(Run, "ctwa-pull").Start();
        }
        else
        {
            Monitor.Pulse(_gate);
        }
    }

    private void Unlink(PullOperation operation)
    {
        if (operation.Previous is null) { _head = operation.Next; } else { operation.Previous.Next = operation.Next; }
        if (operation.Next is null) { _tail = operation.Previous; } else { operation.Next.Previous = operation.Previous; }
        (operation.Queued, operation.Previous, operation.Next) = (false, null, null);
        _waiting--;
    }

    private void Run()
    {
        if (bulk) { ChannelThread.StandBack(); }
        using var puller = new TensorPuller(this, options);
        lock (_gate) { _idle++; }
        while (Take() is { } operation)
        {
            Exception? failure = null;
            try
            {
                puller.Pull(operation);
            }
            catch (Exception error)
            {
                // Whatever it is, it is the caller's to see; this thread goes on.
                failure = error;
            }

            lock (_gate)
            {
                _running.Remove(operation);
                // Free from here on: the next pull of who waits for this one must not start another thread, with a connection to warm up.
                _idle++;
            }

            operation.Complete(failure);
        }
    }

    private PullOperation? Take()
    {
        lock (_gate)
        {
            bool inTime = true;
            while (true)
            {
                if (_head is { } operation)
                {
                    _idle--;
                    Unlink(operation);
                    _running.Add(operation);
                    return operation;
                }

                if (_stopping || !inTime) { break; }
                inTime = Monitor.Wait(_gate, options.IdleTimeout);
            }

            _idle--;
            _retired = --_threads == 0;
            if (_retired) { retire(this); }
            return null;
        }
    }

    /// <summary>
    /// Fails an operation that waited behind others while nothing arrived from the peer: a silent peer costs one deadline, not one per
    /// operation in the queue.
    /// </summary>
    public void CheckPatience(PullOperation operation)
    {
        long since = Math.Max(operation.Start, Volatile.Read(ref _progress));
        if (Stopwatch.GetElapsedTime(since) > options.Deadline) { throw new TimeoutException($"Nothing arrived from {endpoint.Host}:{endpoint.Port} for {options.Deadline.TotalSeconds:0.###} s while this pull waited."); }
    }
}
