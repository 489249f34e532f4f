using System.Globalization;

namespace Ctwa.TestKit.Grid;

/// <summary>
/// A network of one's own: nothing outside sees its ports, and its links can be slowed, cut and torn. It is held by a sleeping
/// process and vanishes with it, and so with this process. Needs root and a kernel that has them.
/// </summary>
public sealed class NetworkNamespace : IAsyncDisposable
{
    private readonly GridProcess _holder;

    private NetworkNamespace(GridProcess holder) => _holder = holder;

    public int ProcessId => _holder.Self.Id;

    /// <summary>Command that runs another inside; it keeps its process id.</summary>
    public IReadOnlyList<string> Prefix => ["nsenter", "-t", ProcessId.ToString(CultureInfo.InvariantCulture), "-n"];

    /// <summary>Null, or why there can be none here.</summary>
    public static async Task<string?> WhyNotAsync()
    {
        foreach (string tool in (string[])["unshare", "nsenter", "ip"])
        {
            if (Programs.Find(tool) is null) { return $"{tool} is not installed (util-linux, iproute2)"; }
        }

        var (code, output) = await Programs.RunAsync(TimeSpan.FromSeconds(10), "/", "unshare", "-n", "ip", "link", "set", "lo", "up");
        return code == 0 ? null : $"a network namespace cannot be made here ({output.Trim()})";
    }

    /// <summary>A network with loopback only.</summary>
    /// <param name="folder">For its holder's log.</param>
    public static async Task<NetworkNamespace> StartAsync(string folder)
    {
        var holder = await GridProcess.StartAsync("network", ["unshare", "-n", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"], Path.Combine(folder, $"network-{Guid.NewGuid():N}.log"), folder);
        try
        {
            await holder.WaitForLogAsync("up", TimeSpan.FromSeconds(10));
            return new NetworkNamespace(holder);
        }
        catch
        {
            await holder.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a program of the system inside.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public Task<string> RunAsync(params string[] command) => Programs.MustRunAsync([.. Prefix, .. command]);

    /// <summary>Limits what passes a link; null: no limit.</summary>
    /// <returns>False: this kernel cannot.</returns>
    public async Task<bool> TrySlowAsync(string link, int? kilobitsPerSecond)
    {
        string[] command = kilobitsPerSecond is { } rate
            ? ["tc", "qdisc", "replace", "dev", link, "root", "tbf", "rate", string.Create(CultureInfo.InvariantCulture, $"{rate}kbit"), "burst", "64kb", "latency", "400ms"]
            : ["tc", "qdisc", "del", "dev", link, "root"];
        var (code, _) = await Programs.RunAsync(TimeSpan.FromSeconds(10), "/", [.. Prefix, .. command]);
        return code == 0;
    }

    /// <summary>Tears established connections from or to a port: both ends see an error.</summary>
    /// <returns>False: this kernel cannot.</returns>
    public async Task<bool> TryTearAsync(int port)
    {
        string number = string.Create(CultureInfo.InvariantCulture, $":{port}");
        // Sockets that listen are matched too and cannot be torn, which is an error to ss: what it says last decides nothing.
        var (code, _) = await Programs.RunAsync(TimeSpan.FromSeconds(10), "/", [.. Prefix, "ss", "-K", "-n", "state", "established", "(", "sport", "=", number, "or", "dport", "=", number, ")"]);
        return code == 0;
    }

    public ValueTask DisposeAsync() => _holder.DisposeAsync();
}
