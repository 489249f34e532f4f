using System.Globalization;

namespace Ctwa.TestKit.Grid;

/// <summary>
/// Several hosts on one machine: network namespaces with an address each, joined by a bridge in one more. Nothing of it is seen
/// outside, and it vanishes with this process.
/// </summary>
public sealed class VirtualHosts : IAsyncDisposable
{
    private readonly NetworkNamespace _switch;
    private readonly List<NetworkNamespace> _hosts = [];

    private VirtualHosts(NetworkNamespace bridge) => _switch = bridge;

    /// <summary>Null, or why there can be none here.</summary>
    public static async Task<string?> WhyNotAsync()
    {
        if (await NetworkNamespace.WhyNotAsync() is { } whyNot) { return whyNot; }
        var (code, output) = await Programs.RunAsync(TimeSpan.FromSeconds(10), "/", "unshare", "-n", "sh", "-c", "ip link add br0 type bridge && ip link add v0 type veth peer name v1");
        return code == 0 ? null : $"bridges or veth pairs cannot be made here ({output.Trim()})";
    }

    /// <summary>Makes so many hosts that reach each other.</summary>
    /// <param name="folder">For logs.</param>
    public static async Task<VirtualHosts> StartAsync(string folder, int count)
    {
        var hosts = new VirtualHosts(await NetworkNamespace.StartAsync(folder));
        try
        {
            await hosts._switch.RunAsync("ip", "link", "add", "br0", "type", "bridge");
            await hosts._switch.RunAsync("ip", "link", "set", "br0", "up");
            for (int i = 0; i < count; i++) { await hosts.AddAsync(folder, i); }
            return hosts;
        }
        catch
        {
            await hosts.DisposeAsync();
            throw;
        }
    }

    /// <summary>Host <paramref name="i"/>, with its address.</summary>
    public GridPlace Place(int i) => new(AddressOf(i), _hosts[i].Prefix);

    /// <summary>Cuts a host's link, or heals it.</summary>
    public Task ConnectAsync(int i, bool connected) => _switch.RunAsync("ip", "link", "set", Port(i), connected ? "up" : "down");

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts) { await host.DisposeAsync(); }
        await _switch.DisposeAsync();
    }

    private async Task AddAsync(string folder, int i)
    {
        var host = await NetworkNamespace.StartAsync(folder);
        _hosts.Add(host);
        await _switch.RunAsync("ip", "link", "add", Port(i), "type", "veth", "peer", "name", "eth0", "netns", host.ProcessId.ToString(CultureInfo.InvariantCulture));
        await _switch.RunAsync("ip", "link", "set", Port(i), "master", "br0", "up");
        await host.RunAsync("ip", "address", "add", AddressOf(i) + "/24", "dev", "eth0");
        await host.RunAsync("ip", "link", "set", "eth0", "up");
    }

    private static string AddressOf(int i) => string.Create(CultureInfo.InvariantCulture, $"10.77.0.{i + 1}");

    private static string Port(int i) => string.Create(CultureInfo.InvariantCulture, $"port{i}");
}
