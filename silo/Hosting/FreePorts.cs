using System.Net;
using System.Net.Sockets;
using Ctwa.Silo.Hosting.Options;

namespace Ctwa.Silo.Hosting;

/// <summary>
/// Chooses the ports that were left open: Orleans must know its port before it listens. It listens in a way that lets two
/// processes share one port, and each would get half of the connections; so given ports are tried as well.
/// </summary>
internal static class FreePorts
{
    /// <summary>The same options with numbers for the silo's and the gateway's 0. Another process may still take one before the silo does.</summary>
    /// <exception cref="SiloFailure">A given port is taken.</exception>
    public static ClusterOptions Choose(ClusterOptions cluster)
    {
        // Both at once, so that they differ.
        using var silo = Listen("--silo-port", cluster.Bind, cluster.SiloPort);
        using var gateway = Listen("--gateway-port", cluster.Bind, cluster.GatewayPort);
        return cluster with { SiloPort = PortOf(silo), GatewayPort = PortOf(gateway) };
    }

    private static TcpListener Listen(string option, IPAddress address, int port)
    {
        var listener = new TcpListener(address, port);
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException error)
        {
            listener.Dispose();
            string why = error.SocketErrorCode == SocketError.AddressAlreadyInUse ? "address already in use" : error.Message;
            throw new SiloFailure(SiloExitCodes.PortTaken, FormattableString.Invariant($"{option} {port} on {address} cannot be used: {why}. Choose another, or 0 for a free one."), error);
        }
    }

    private static int PortOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;
}
