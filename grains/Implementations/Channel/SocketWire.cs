using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Ctwa.Grains.Channel;

/// <summary>A plain TCP connection. The socket must never have been used asynchronously: that would make it poll instead of block.</summary>
internal sealed partial class SocketWire(Socket socket, string peer) : Wire
{
    // MSG_NOSIGNAL and MSG_MORE of Linux.
    private const int NoSignal = 0x4000, More = 0x8000;

    private int _receiveTimeout, _sendTimeout;

    public override string Peer => peer;

    public override bool SameHost => socket is { LocalEndPoint: IPEndPoint here, RemoteEndPoint: IPEndPoint there } && here.Address.Equals(there.Address);

    public override void Abort() => Abort(socket);

    /// <summary>Ends what blocks on a socket.</summary>
    public static void Abort(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Closed already: nothing blocks on it.
        }
    }

    public override void Dispose() => socket.Dispose();

    protected override int ReceiveSome(Span<byte> buffer, int timeoutMs)
    {
        try
        {
            if (timeoutMs != _receiveTimeout) { socket.ReceiveTimeout = _receiveTimeout = timeoutMs; }
            return socket.Receive(buffer, SocketFlags.None);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw Failure(error);
        }
    }

    protected override int SendSome(ReadOnlySpan<byte> bytes, int timeoutMs, bool more)
    {
        try
        {
            if (timeoutMs != _sendTimeout) { socket.SendTimeout = _sendTimeout = timeoutMs; }
            // A frame travels with its chunk: alone it would wake the other end for nothing. What fails here fails again below.
            if (more && OperatingSystem.IsLinux() && Send(socket.SafeHandle, bytes, bytes.Length, NoSignal | More) is > 0 and nint sent) { return (int)sent; }
            return socket.Send(bytes, SocketFlags.None);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw Failure(error);
        }
    }

    [LibraryImport("libc", EntryPoint = "send")]
    private static partial nint Send(SafeHandle socket, ReadOnlySpan<byte> bytes, nint length, int flags);

    private Exception Failure(Exception error) => error is SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock }
        ? Late()
        : new IOException($"The connection with {Peer} broke: {(error as SocketException)?.SocketErrorCode.ToString() ?? "closed here"}.", error);
}
