using System.Net;
using System.Net.Sockets;

namespace Ctwa.TestKit.Grid;

/// <summary>Ports of this machine that were free a moment ago; another process may still take one.</summary>
public static class FreePorts
{
    /// <summary>Different ports on loopback.</summary>
    public static int[] Find(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        try
        {
            foreach (var listener in listeners) { listener.Start(); }
            return [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        }
        finally
        {
            foreach (var listener in listeners) { listener.Dispose(); }
        }
    }
}
