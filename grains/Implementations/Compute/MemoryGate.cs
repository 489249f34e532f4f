using Ctwa.Training.Steps;

namespace Ctwa.Grains.Compute;

/// <summary>
/// Who uses a job's memory on this silo past its lanes: pieces of work that wait for other silos' bytes, and transfers to other
/// silos. Before the memory is brought back to an earlier state, or freed, the gate is closed: the first are cancelled, nobody new
/// enters, and all are waited for. Else a transfer that a given-up step began could end in the memory of the step that follows.
/// </summary>
internal sealed class MemoryGate : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _closing = new(1, 1);
    private CancellationTokenSource _end = new();
    private TaskCompletionSource? _empty;
    private bool _closed;
    private int _inside;

    /// <summary>Enters to work; the work ends early when the gate is closed.</summary>
    /// <exception cref="ComputeLostException">The gate is closed.</exception>
    public Pass Enter()
    {
        lock (_lock)
        {
            if (_closed) { throw new ComputeLostException("the silo goes back to an earlier state of the job, or frees it."); }
            _inside++;
            return new Pass(this, _end.Token);
        }
    }

    /// <summary>Closes the gate and waits until nobody is inside.</summary>
    /// <param name="patience">Longest wait.</param>
    /// <exception cref="ComputeLostException">Somebody does not leave; the gate is open again.</exception>
    public async Task CloseAsync(TimeSpan patience)
    {
        using var deadline = new CancellationTokenSource(patience);
        try
        {
            await _closing.WaitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            throw new ComputeLostException("the silo is still busy with an earlier change of the job's memory.");
        }

        Task empty;
        CancellationTokenSource end;
        lock (_lock)
        {
            _closed = true;
            end = _end;
            empty = _inside == 0 ? Task.CompletedTask : (_empty = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        await end.CancelAsync();
        try
        {
            await empty.WaitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            Open();
            throw new ComputeLostException(FormattableString.Invariant($"transfers of the job's memory did not end within {patience.TotalSeconds:0} s."));
        }
    }

    /// <summary>Opens it again, for new work; what was cancelled stays so.</summary>
    public void Open()
    {
        lock (_lock)
        {
            _end.Dispose();
            _end = new CancellationTokenSource();
            _empty = null;
            _closed = false;
        }

        _closing.Release();
    }

    /// <summary>After <see cref="CloseAsync"/>, for good.</summary>
    public void Dispose()
    {
        _closing.Dispose();
        _end.Dispose();
    }

    private void Leave()
    {
        lock (_lock)
        {
            if (--_inside == 0) { _empty?.TrySetResult(); }
        }
    }

    /// <summary>Somebody's stay inside.</summary>
    public sealed class Pass(MemoryGate gate, CancellationToken closing) : IDisposable
    {
        private MemoryGate? _gate = gate;

        /// <summary>Cancelled when the gate is closed.</summary>
        public CancellationToken Closing => closing;

        public void Dispose() => Interlocked.Exchange(ref _gate, null)?.Leave();
    }
}
