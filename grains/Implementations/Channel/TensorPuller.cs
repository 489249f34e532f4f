using System.Diagnostics;

namespace Ctwa.Grains.Channel;

/// <summary>One connection to a silo and the pulls on it, one at a time. Belongs to one thread.</summary>
internal sealed class TensorPuller(TensorPeer peer, TensorChannelOptions options) : IDisposable
{
    private ChannelClient? _client;

    /// <exception cref="TensorRefusedException">The peer said no; the connection stays.</exception>
    /// <exception cref="IOException">The connection could not be made or broke.</exception>
    /// <exception cref="TensorCorruptException">What arrived is not what was sent.</exception>
    /// <exception cref="TimeoutException">The peer was silent.</exception>
    public void Pull(PullOperation operation)
    {
        peer.CheckPatience(operation);
        if (_client is { } pooled)
        {
            bool answered = false;
            try
            {
                operation.RunOn(pooled.Wire);
                Transfer(pooled, operation, ref answered);
                return;
            }
            catch (IOException error) when (!answered && !operation.Cancelled && error is not TensorCorruptException)
            {
                // The peer may have closed it while it was idle, or begun anew: nothing was answered, so asking again is safe.
                ChannelMetrics.Reconnects.Add(1);
            }
        }

        bool ignored = false;
        _client = Connect(operation);
        Transfer(_client, operation, ref ignored);
    }

    public void Dispose() => Drop();

    private void Transfer(ChannelClient client, PullOperation operation, ref bool answered)
    {
        try
        {
            client.Pull(operation.Request, operation.Destination, peer, ref answered);
            ChannelMetrics.Received.Add(operation.Request.Length);
            ChannelMetrics.Transferred(operation.Start, server: false, client.Shared);
        }
        catch (TensorRefusedException refused) when (refused.Reason != TensorRefusal.Unauthenticated)
        {
            ChannelMetrics.Refused(refused.Reason.ToString(), server: false);
            throw;
        }
        catch (Exception error)
        {
            Drop();
            if (error is TensorCorruptException) { ChannelMetrics.Corrupt.Add(1); }
            ChannelMetrics.Broken(error.GetType().Name, server: false);
            throw;
        }
    }

    private ChannelClient Connect(PullOperation operation)
    {
        long start = Stopwatch.GetTimestamp();
        for (int pause = 10; ; pause = Math.Min(2 * pause, 500))
        {
            try
            {
                return ChannelClient.Connect(peer, options, operation);
            }
            catch (ChannelBusyException) when (Stopwatch.GetElapsedTime(start) < options.Deadline && !operation.Cancelled)
            {
                Thread.Sleep(pause);
            }
        }
    }

    private void Drop()
    {
        _client?.Dispose();
        _client = null;
    }
}
