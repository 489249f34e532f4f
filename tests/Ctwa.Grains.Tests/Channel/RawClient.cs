using System.Net;
using System.Net.Sockets;
using Ctwa.Grains.Channel;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>A client that need not keep to the protocol.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket;

    public RawClient(TensorEndpoint endpoint)
    {
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 20_000 };
        _socket.Connect(IPAddress.Parse(endpoint.Host), endpoint.Port);
        Wire = new SocketWire(_socket, "raw");
    }

    public Wire Wire { get; }

    /// <summary>Goes through the handshake as a member of the grid does.</summary>
    public ChannelSession Prove(TensorChannelOptions options) => ChannelClient.Prove(Wire, options with { SharedMemory = false }, bulk: false).Session;

    public void Send(ReadOnlySpan<byte> bytes) => _socket.Send(bytes);

    /// <summary>Whether the other end closes the connection within the time; what it still sends is read.</summary>
    public bool IsClosedWithin(TimeSpan time)
    {
        _socket.ReceiveTimeout = (int)time.TotalMilliseconds;
        Span<byte> buffer = stackalloc byte[4096];
        try
        {
            while (_socket.Receive(buffer) > 0) { }
            return true;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown;
        }
    }

    public void Dispose() => _socket.Dispose();
}
