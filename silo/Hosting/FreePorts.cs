using System.Net;
using System.Net.Sockets;
using Ctwa.Silo.Hosting.Options;

namespace Ctwa.Silo.Hosting;

/// <summary>Chooses the ports that were left open: Orleans must know its port before it listens.</summary>
internal static class FreePorts
{
    /// <summary>The same options with numbers for the silo's and the gateway's 0. Another process may still take one before the silo does.</summary>
    public static ClusterOptions Choose(ClusterOptions cluster)
    {
        // Both at once, so that they differ.
        using var silo = Listen(cluster.Bind, cluster.SiloPort);
        using var gateway = Listen(cluster.Bind, cluster.GatewayPort);
        return cluster with { SiloPort = PortOf(silo, cluster.SiloPort), GatewayPort = PortOf(gateway, cluster.GatewayPort) };
    }

    private static TcpListener? Listen(IPAddress address, int port)
    {
        if (port != 0) { return null; }
        var listener = new TcpListener(address, 0);
        listener.Start();
        return listener;
    }

    private static int PortOf(TcpListener? listener, int port) => listener is null ? port : ((IPEndPoint)listener.LocalEndpoint).Port;
}
