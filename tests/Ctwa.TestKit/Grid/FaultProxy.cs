using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Ctwa.TestKit.Grid;

/// <summary>
/// A TCP proxy that disturbs what passes: delays it, slows it, damages a byte, freezes it, tears connections with a reset or
/// cuts the line. What it does is set by the test and changes nothing on its own.
/// </summary>
public sealed class FaultProxy : IAsyncDisposable
{
    private const int ChunkBytes = 16 * 1024;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _target;
    private readonly ConcurrentDictionary<ProxyConnection, bool> _connections = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private volatile bool _isCut;
    private int _accepted;
    private long _bytes;
    private long _corruptAt = long.MaxValue;
    private int _corrupted;

    /// <param name="targetPort">Port of loopback that connections are passed on to.</param>
    public FaultProxy(int targetPort)
    {
        _target = new IPEndPoint(IPAddress.Loopback, targetPort);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>Waits before each piece of data is passed on.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Speed of each connection and direction; null: no limit.</summary>
    public long? BytesPerSecond { get; set; }

    /// <summary>Nothing passes, and connections stay.</summary>
    public bool IsFrozen { get; set; }

    /// <summary>Connections that were accepted so far.</summary>
    public int Accepted => _accepted;

    /// <summary>Bytes passed on so far, both directions.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Bytes damaged so far.</summary>
    public int Corrupted => _corrupted;

    /// <summary>Tears all connections with a reset; new ones are served.</summary>
    public void Reset()
    {
        foreach (var connection in _connections.Keys) { connection.Reset(); }
    }

    /// <summary>Tears all connections and refuses new ones until <see cref="Heal"/>.</summary>
    public void Cut()
    {
        _isCut = true;
        Reset();
    }

    /// <summary>Undoes everything that was set.</summary>
    public void Heal()
    {
        (_isCut, IsFrozen, Delay, BytesPerSecond) = (false, false, TimeSpan.Zero, null);
        Interlocked.Exchange(ref _corruptAt, long.MaxValue);
    }

    /// <summary>Flips a bit of one byte, this many bytes from now, whichever direction it goes.</summary>
    public void CorruptAfter(long bytes) => Interlocked.Exchange(ref _corruptAt, Bytes + bytes);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        Reset();
        await _accepting;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await _listener.AcceptSocketAsync(_stop.Token);
            }
            catch (Exception end) when (IsEnd(end))
            {
                return;
            }

            Interlocked.Increment(ref _accepted);
            _ = ServeAsync(new ProxyConnection(client));
        }
    }

    private async Task ServeAsync(ProxyConnection connection)
    {
        _connections[connection] = true;
        try
        {
            if (_isCut) { return; }
            await connection.Server.ConnectAsync(_target, _stop.Token);
            await Task.WhenAll(PassAsync(connection, connection.Client, connection.Server), PassAsync(connection, connection.Server, connection.Client));
            connection.Close();
        }
        catch (Exception end) when (IsEnd(end))
        {
            // The target does not answer, or one side is gone: so is the other, below.
        }
        finally
        {
            _connections.TryRemove(connection, out _);
            connection.Reset();
        }
    }

    private async Task PassAsync(ProxyConnection connection, Socket from, Socket to)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(buffer.AsMemory(0, Largest()), _stop.Token)) > 0)
            {
                if (Delay > TimeSpan.Zero) { await Task.Delay(Delay, _stop.Token); }
                while (IsFrozen) { await Task.Delay(10, _stop.Token); }
                if (BytesPerSecond is { } speed) { await Task.Delay(TimeSpan.FromSeconds((double)count / speed), _stop.Token); }
                Damage(buffer.AsSpan(0, count));
                for (int sent = 0; sent < count;) { sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _stop.Token); }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception end) when (IsEnd(end))
        {
            // What one side did to the proxy, the proxy does to the other, at once.
            connection.Reset();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static bool IsEnd(Exception failure) => failure is SocketException or OperationCanceledException or ObjectDisposedException;

    /// <summary>Slow connections go in small pieces: a tenth of a second each.</summary>
    private int Largest() => BytesPerSecond is { } speed ? (int)Math.Clamp(speed / 10, 1, ChunkBytes) : ChunkBytes;

    private void Damage(Span<byte> data)
    {
        long end = Interlocked.Add(ref _bytes, data.Length), at = Interlocked.Read(ref _corruptAt);
        if (at >= end || Interlocked.CompareExchange(ref _corruptAt, long.MaxValue, at) != at) { return; }
        data[(int)Math.Clamp(at - (end - data.Length), 0, data.Length - 1)] ^= 0x10;
        Interlocked.Increment(ref _corrupted);
    }

    /// <summary>Both sockets of a connection.</summary>
    private sealed class ProxyConnection
    {
        public ProxyConnection(Socket client)
        {
            Client = client;
            Client.NoDelay = Server.NoDelay = true;
        }

        public Socket Client { get; }

        public Socket Server { get; } = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        /// <summary>Closes both in order: what is on its way arrives.</summary>
        public void Close()
        {
            Client.Dispose();
            Server.Dispose();
        }

        /// <summary>Closes both with a reset, unless they are closed.</summary>
        public void Reset()
        {
            foreach (var socket in (Socket[])[Client, Server])
            {
                try
                {
                    socket.LingerState = new LingerOption(true, 0);
                }
                catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
                {
                    // Closed already.
                }

                socket.Dispose();
            }
        }
    }
}
