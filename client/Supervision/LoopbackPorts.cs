using System.Net;
using System.Net.Sockets;

namespace Ctwa.Client.Supervision;

/// <summary>Ports for a silo of this machine only.</summary>
internal static class LoopbackPorts
{
    /// <summary>Two different ports that were free a moment ago; another process may still take one before the silo does.</summary>
    public static (int Silo, int Gateway) FindTwo()
    {
        using var first = new TcpListener(IPAddress.Loopback, 0);
        using var second = new TcpListener(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }
}
