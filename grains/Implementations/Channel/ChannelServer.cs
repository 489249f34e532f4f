using System.Net;
using System.Net.Sockets;

namespace Ctwa.Grains.Channel;

/// <summary>Listens and serves, with a bounded number of connections and one thread for each.</summary>
internal sealed class ChannelServer(TensorChannelOptions options, ITensorSource source, ChannelLog log) : IDisposable
{
    private static readonly TimeSpan s_ending = TimeSpan.FromSeconds(10);

    private readonly object _gate = new();
    private readonly LinkedList<Entry> _unproven = [];
    private readonly HashSet<Entry> _served = [];
    private Socket? _listener;
    private bool _stopping;

    private sealed record Entry(Wire Wire, Thread Thread);

    /// <summary>Binds and listens.</summary>
    /// <returns>The port.</returns>
    /// <exception cref="IOException">The address cannot be bound.</exception>
    public int Start()
    {
        var address = options.ListenHost.Equals("localhost", StringComparison.OrdinalIgnoreCase) ? IPAddress.Loopback
            : IPAddress.TryParse(options.ListenHost, out var parsed) ? parsed
            : throw new ArgumentException($"The tensor channel's ListenHost is {options.ListenHost}; accepted: an IP address or localhost.");
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(address, options.Port));
            listener.Listen(128);
        }
        catch (SocketException error)
        {
            listener.Dispose();
            throw new IOException($"The tensor channel cannot listen on {options.ListenHost}:{options.Port}: {error.SocketErrorCode}.", error);
        }

        _listener = listener;
        new Thread(() => Accept(listener)) { IsBackground = true, Name = "ctwa-channel" }.Start();
        return ((IPEndPoint)listener.LocalEndPoint!).Port;
    }

    /// <summary>Ends every connection and waits until its lease is released.</summary>
    public void Dispose()
    {
        Entry[] open;
        lock (_gate)
        {
            if (_stopping) { return; }
            _stopping = true;
            open = [.. _unproven, .. _served];
        }

        _listener?.Dispose();
        foreach (var entry in open) { entry.Wire.Abort(); }
        var end = DateTime.UtcNow + s_ending;
        int stuck = open.Count(entry => !entry.Thread.Join(DateTime.UtcNow is var now && now < end ? end - now : TimeSpan.Zero));
        if (stuck > 0) { log.Stuck(stuck); }
    }

    private void Accept(Socket listener)
    {
        while (true)
        {
            try
            {
                Begin(listener.Accept());
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or IOException)
            {
                lock (_gate)
                {
                    if (_stopping) { return; }
                }

                // Out of file descriptors, or a peer that left at once.
                log.AcceptFailed(error.Message);
                Thread.Sleep(20);
            }
        }
    }

    private void Begin(Socket socket)
    {
        Entry? entry = null;
        Wire? oldest = null;
        string host = ((IPEndPoint)socket.RemoteEndPoint!).Address.ToString(), peer = socket.RemoteEndPoint.ToString()!;
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        var wire = ChannelDialer.Wrap(socket, peer, options);
        entry = new Entry(wire, ChannelThread.Create(() => Serve(entry!, host), "ctwa-serve"));
        lock (_gate)
        {
            if (_stopping)
            {
                wire.Dispose();
                return;
            }

            // A proof takes milliseconds: what has been at it for longest among many is not of this grid.
            if (_unproven.Count >= options.MaxHandshakes)
            {
                oldest = _unproven.First!.Value.Wire;
                _unproven.RemoveFirst();
            }

            _unproven.AddLast(entry);
        }

        if (oldest is not null)
        {
            ChannelMetrics.Refused("Crowded", server: true);
            oldest.Abort();
        }

        entry.Thread.Start();
    }

    private void Serve(Entry entry, string host)
    {
        ChannelMetrics.Served.Add(1);
        try
        {
            new ServedConnection(entry.Wire, options, source, log, () => Admit(entry)).Run(host);
        }
        finally
        {
            lock (_gate)
            {
                _unproven.Remove(entry);
                _served.Remove(entry);
            }

            ChannelMetrics.Served.Add(-1);
        }
    }

    private bool Admit(Entry entry)
    {
        lock (_gate)
        {
            if (_stopping || _served.Count >= options.MaxConnectionsServed || !_unproven.Remove(entry)) { return false; }
            _served.Add(entry);
            return true;
        }
    }
}
