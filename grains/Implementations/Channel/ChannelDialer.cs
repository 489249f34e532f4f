using System.Net;
using System.Net.Sockets;

namespace Ctwa.Grains.Channel;

/// <summary>Opens connections.</summary>
internal static class ChannelDialer
{
    /// <exception cref="IOException">Nobody answers there.</exception>
    /// <exception cref="TimeoutException">The address does not answer in time.</exception>
    public static Wire Connect(TensorEndpoint endpoint, TensorChannelOptions options, PullOperation operation)
    {
        IPAddress[] addresses = Resolve(endpoint.Host, options.HandshakeDeadline);
        string peer = $"{endpoint.Host}:{endpoint.Port}";
        Exception? last = null;
        foreach (var address in addresses)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            Wire wire = Wrap(socket, peer, options);
            try
            {
                operation.RunOn(wire);
                using var guard = new WireGuard(wire, options.HandshakeDeadline);
                guard.Run(() =>
                {
                    socket.Connect(new IPEndPoint(address, endpoint.Port));
                    return true;
                });
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                return wire;
            }
            catch (Exception error)
            {
                wire.Dispose();
                last = error;
                if (operation.Cancelled || error is not (SocketException or ObjectDisposedException or TimeoutException)) { break; }
            }
        }

        throw last switch
        {
            TimeoutException or OperationCanceledException => last,
            _ when operation.Cancelled => new IOException("cancelled", last),
            null => new IOException($"{endpoint.Host} has no address."),
            _ => new IOException($"No tensor channel answers at {peer}: {(last as SocketException)?.SocketErrorCode.ToString() ?? last.Message}.", last),
        };
    }

    /// <summary>A socket as the options want it.</summary>
    public static Wire Wrap(Socket socket, string peer, TensorChannelOptions options) => options.Tls is { } tls ? new TlsWire(socket, peer, tls) : new SocketWire(socket, peer);

    private static IPAddress[] Resolve(string host, TimeSpan deadline)
    {
        if (IPAddress.TryParse(host, out var address)) { return [address]; }
        try
        {
            using var late = new CancellationTokenSource(deadline);
            return Dns.GetHostAddressesAsync(host, late.Token).WaitAsync(deadline).GetAwaiter().GetResult();
        }
        catch (SocketException error)
        {
            throw new IOException($"The name {host} has no address: {error.SocketErrorCode}.", error);
        }
        catch (OperationCanceledException error)
        {
            throw new TimeoutException($"The name {host} was not resolved within {deadline.TotalSeconds:0.###} s.", error);
        }
    }
}
