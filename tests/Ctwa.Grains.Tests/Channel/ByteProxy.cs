using System.Net;
using System.Net.Sockets;
using Ctwa.Grains.Channel;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>Stands between the two ends and may change, hold up or end what passes.</summary>
internal sealed class ByteProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly TensorEndpoint _target;
    private readonly Func<Passing, Task<bool>> _pass;
    private readonly CancellationTokenSource _end = new();

    /// <param name="target">The serving end.</param>
    /// <param name="pass">Sees every part before it passes; false ends the connection.</param>
    public ByteProxy(TensorEndpoint target, Func<Passing, Task<bool>> pass)
    {
        _target = target;
        _pass = pass;
        _listener.Start();
        Endpoint = new TensorEndpoint("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);
        _ = AcceptAsync();
    }

    public TensorEndpoint Endpoint { get; }

    public int Connections { get; private set; }

    /// <summary>A part on its way.</summary>
    /// <param name="ToClient">Its direction.</param>
    /// <param name="Position">Bytes that passed before it in this direction on this connection.</param>
    /// <param name="Bytes">The part; may be changed in place.</param>
    /// <param name="Connection">Number of the connection, from 1.</param>
    /// <param name="End">When the proxy ends.</param>
    public readonly record struct Passing(bool ToClient, long Position, Memory<byte> Bytes, int Connection, CancellationToken End);

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_end.Token);
                int number = ++Connections;
                var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await server.ConnectAsync(_target.Host, _target.Port, _end.Token);
                _ = CopyAsync(client, server, false, number);
                _ = CopyAsync(server, client, true, number);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task CopyAsync(Socket from, Socket to, bool toClient, int number)
    {
        byte[] buffer = new byte[64 << 10];
        long position = 0;
        try
        {
            while (await from.ReceiveAsync(buffer, _end.Token) is > 0 and int count)
            {
                if (!await _pass(new Passing(toClient, position, buffer.AsMemory(0, count), number, _end.Token))) { break; }
                position += count;
                for (var rest = buffer.AsMemory(0, count); !rest.IsEmpty;) { rest = rest[await to.SendAsync(rest, _end.Token)..]; }
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }

        from.Dispose();
        to.Dispose();
    }
}
