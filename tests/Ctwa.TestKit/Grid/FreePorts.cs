using System.Net;
using System.Net.Sockets;

namespace Ctwa.TestKit.Grid;

/// <summary>
/// Ports of loopback that nobody listens on and that the kernel gives to nobody: those it hands out to connections begin at
/// 32768, and a silo that was killed must find its own again.
/// </summary>
public static class FreePorts
{
    private const int First = 10_240;
    private const int Count = 22_000;
    private static int s_next = (int)(((uint)Environment.ProcessId * 2654435761) % Count);

    /// <summary>Different ports; one is not given out twice by this process for a long while.</summary>
    public static int[] Find(int count)
    {
        var ports = new List<int>();
        while (ports.Count < count)
        {
            int port = First + (int)((uint)Interlocked.Increment(ref s_next) % Count);
            using var listener = new TcpListener(IPAddress.Loopback, port) { ExclusiveAddressUse = true };
            try
            {
                listener.Start();
                ports.Add(port);
            }
            catch (SocketException)
            {
                // Taken; the next one.
            }
        }

        return [.. ports];
    }
}
