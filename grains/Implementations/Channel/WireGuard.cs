namespace Ctwa.Grains.Channel;

/// <summary>Ends a connection that is not through with its beginning in time, whatever it is waiting for.</summary>
internal sealed class WireGuard : IDisposable
{
    private readonly Wire _wire;
    private readonly TimeSpan _deadline;
    private readonly Timer _timer;
    private volatile bool _late;

    public WireGuard(Wire wire, TimeSpan deadline)
    {
        _wire = wire;
        _deadline = deadline;
        _timer = new Timer(static state => ((WireGuard)state!).End(), this, deadline, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Runs a part of the beginning; what fails because time was up says so.</summary>
    /// <exception cref="TimeoutException">Time was up.</exception>
    public T Run<T>(Func<T> part)
    {
        try
        {
            return part();
        }
        catch (Exception error) when (_late)
        {
            throw new TimeoutException($"The connection with {_wire.Peer} was not ready within {_deadline.TotalSeconds:0.###} s.", error);
        }
    }

    public void Dispose() => _timer.Dispose();

    private void End()
    {
        _late = true;
        _wire.Dispose();
    }
}
