using System.Globalization;
using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.Grid.Tests.Harness;

public sealed class NetworkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-network-").FullName;

    [Fact]
    public async Task Hosts_reach_each_other_until_a_link_is_cut_and_again_when_it_is_healed()
    {
        string? whyNot = await VirtualHosts.WhyNotAsync();
        Assert.SkipWhen(whyNot is not null, whyNot ?? "");
        await using var hosts = await VirtualHosts.StartAsync(_folder, 2);
        Assert.Equal("+PONG", await AnswerAsync(hosts));
        await hosts.ConnectAsync(0, connected: false);
        Assert.Equal("", await AnswerAsync(hosts));
        await hosts.ConnectAsync(0, connected: true);
        Assert.Equal("+PONG", await AnswerAsync(hosts));
    }

    [Fact]
    public async Task Connections_of_a_port_are_torn_and_a_link_is_slowed()
    {
        string? whyNot = await NetworkNamespace.WhyNotAsync();
        Assert.SkipWhen(whyNot is not null, whyNot ?? "");
        await using var network = await NetworkNamespace.StartAsync(_folder);
        await using var redis = await RedisServer.StartAsync(prefix: network.Prefix);
        // Redis closes nothing itself: the connection ends when it is torn, and nc then ends.
        await using var client = await GridProcess.StartAsync("client", [.. network.Prefix, "bash", "-c", $"exec 3<>/dev/tcp/127.0.0.1/{redis.Port}; echo PING >&3; read -u 3 line; echo $line; read -u 3 line; echo torn"], Path.Combine(_folder, "client.log"), _folder);
        await client.WaitForLogAsync("+PONG", TimeSpan.FromSeconds(20));
        Assert.True(client.IsRunning);
        Assert.SkipUnless(await network.TryTearAsync(redis.Port), "this kernel cannot destroy sockets.");
        await client.WaitForLogAsync("torn", TimeSpan.FromSeconds(20));
        Assert.SkipUnless(await network.TrySlowAsync("lo", 1000), "this kernel cannot limit a link's rate.");
        Assert.True(await network.TrySlowAsync("lo", null));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>What a server on host 0 says to host 1 within a second.</summary>
    private async Task<string> AnswerAsync(VirtualHosts hosts)
    {
        await using var redis = await RedisServer.StartAsync(hosts.Place(0).Host, hosts.Place(0).Prefix);
        string port = redis.Port.ToString(CultureInfo.InvariantCulture);
        var (_, output) = await Programs.RunAsync(TimeSpan.FromSeconds(10), _folder, [.. hosts.Place(1).Prefix, "timeout", "1", "bash", "-c", $"exec 3<>/dev/tcp/{hosts.Place(0).Host}/{port}; echo PING >&3; read -u 3 line; echo ${{line%?}}"]);
        return output.Trim();
    }
}
