using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Ctwa.Bench.Channel;

/// <summary>
/// The yardstick: a socket, blocking, straight from and to memory outside the garbage collector, and nothing else. The client asks by
/// eight bytes for a length; the server sends that many. No checksum, no frames, no deadline.
/// </summary>
internal static class RawSocket
{
    /// <summary>Serves on a thread per connection until the process ends.</summary>
    /// <returns>The port.</returns>
    public static int Serve(nint tensor)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(16);
        new Thread(() =>
        {
            while (true)
            {
                var socket = listener.Accept();
                socket.NoDelay = true;
                new Thread(() => Serve(socket, tensor)) { IsBackground = true }.Start();
            }
        })
        { IsBackground = true }.Start();
        return ((IPEndPoint)listener.LocalEndPoint!).Port;
    }

    public static Socket Connect(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }

    public static unsafe void Pull(Socket socket, nint destination, int length)
    {
        Span<byte> request = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(request, length);
        socket.Send(request);
        for (var rest = new Span<byte>((void*)destination, length); !rest.IsEmpty;)
        {
            int received = socket.Receive(rest);
            if (received == 0) { throw new EndOfStreamException("The raw server closed the connection."); }
            rest = rest[received..];
        }
    }

    private static unsafe void Serve(Socket socket, nint tensor)
    {
        Span<byte> request = stackalloc byte[8];
        try
        {
            while (true)
            {
                for (var rest = request; !rest.IsEmpty;)
                {
                    int received = socket.Receive(rest);
                    if (received == 0) { return; }
                    rest = rest[received..];
                }

                for (var rest = new ReadOnlySpan<byte>((void*)tensor, (int)BinaryPrimitives.ReadInt64LittleEndian(request)); !rest.IsEmpty;) { rest = rest[socket.Send(rest)..]; }
            }
        }
        catch (SocketException)
        {
            // The client left.
        }
        finally
        {
            socket.Dispose();
        }
    }
}
