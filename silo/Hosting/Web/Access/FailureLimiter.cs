using System.Net;

namespace Ctwa.Silo.Hosting.Web.Access;

/// <summary>
/// Slows down who guesses: after <see cref="Burst"/> wrong tokens an address may try one more every <see cref="Every"/>. Until
/// then its right ones are not looked at either. Safe for several threads.
/// </summary>
internal sealed class FailureLimiter(TimeProvider time)
{
    /// <summary>Wrong tokens that come at once.</summary>
    public const int Burst = 10;

    /// <summary>Addresses that are remembered; beyond it all others share one count, so that no flood of addresses takes memory.</summary>
    public const int MostAddresses = 1024;

    /// <summary>After it one more may come.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(3);

    private static readonly IPAddress s_others = IPAddress.None;

    private readonly Dictionary<IPAddress, (double Failures, long At)> _failures = [];
    private readonly Lock _lock = new();

    /// <summary>How long an address must wait before a token of its is looked at; zero: not at all.</summary>
    public TimeSpan Wait(IPAddress address)
    {
        lock (_lock)
        {
            double excess = Now(Key(address)) - (Burst - 1);
            return excess <= 0 ? TimeSpan.Zero : Every * excess;
        }
    }

    /// <summary>A token of this address was wrong.</summary>
    /// <returns>It is the last one for now.</returns>
    public bool Count(IPAddress address)
    {
        lock (_lock)
        {
            Tidy();
            var key = Key(address);
            double failures = Now(key) + 1;
            _failures[key] = (failures, time.GetTimestamp());
            return failures > Burst - 1;
        }
    }

    // A neighbour of one's own network has 2^64 addresses of version 6.
    private IPAddress Key(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) { address = address.MapToIPv4(); }
        if (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 && !IPAddress.IsLoopback(address))
        {
            byte[] bytes = address.GetAddressBytes();
            bytes.AsSpan(8).Clear();
            address = new IPAddress(bytes);
        }

        return _failures.ContainsKey(address) || _failures.Count < MostAddresses ? address : s_others;
    }

    private double Now(IPAddress key) => _failures.TryGetValue(key, out var seen) ? Math.Max(0, seen.Failures - (time.GetElapsedTime(seen.At) / Every)) : 0;

    private void Tidy()
    {
        if (_failures.Count < MostAddresses) { return; }
        foreach (var key in _failures.Keys.Where(key => Now(key) <= 0).ToArray()) { _failures.Remove(key); }
    }
}
