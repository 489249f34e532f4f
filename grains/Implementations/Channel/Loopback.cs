using System.Net;

namespace Ctwa.Grains.Channel;

/// <summary>Whether an address stays on this host.</summary>
internal static class Loopback
{
    public static bool Is(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>An address that means all interfaces: fine to listen on, of no use to others.</summary>
    public static bool IsAny(string host) => IPAddress.TryParse(host, out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));
}
