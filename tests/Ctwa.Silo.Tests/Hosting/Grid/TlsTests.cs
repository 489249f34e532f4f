using Ctwa.Grains.Abstractions;
using Ctwa.Grid.Redis;
using Ctwa.Grid.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Grid;

/// <summary>A grid whose connections are encrypted, the one to Redis too.</summary>
public sealed class TlsTests : IDisposable
{
    private static readonly TimeSpan s_notWithin = TimeSpan.FromSeconds(8);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ctwa-tls-");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Silos_and_clients_of_the_authority_meet_and_no_others()
    {
        var own = new TestAuthority(_folder.FullName, "own");
        var foreign = new TestAuthority(_folder.FullName, "foreign");
        await using var redis = await RedisProcess.StartAsync("the-password", (own.Certificate, own.Key, own.Authority));
        SiloUnderTest Join(params string[] tls) => SiloUnderTest.Start(
            new Dictionary<string, string> { [RedisEndpoint.PasswordVariable] = "the-password" },
            ["--clustering", "redis", "--redis", redis.Endpoint.ToString(), "--redis-ca", own.Authority, "--cluster-id", "x", "--health-port", "0", .. tls]);

        await using var first = Join(own.Options);
        await using var second = Join(own.Options);
        string[] addresses = [(await first.ReadyAsync())["address"], (await second.ReadyAsync())["address"]];
        using (var client = await ConnectAsync(redis, TlsCertificates.Load(own.Authority, certificate: null, key: null), Token))
        {
            // Whichever gateway the client uses: one of these is asked through the other silo.
            foreach (string address in addresses)
            {
                Assert.Equal(address, (await client.Services.GetRequiredService<IClusterClient>().GetGrain<ISiloGrain>($"-/-1|{address}").Describe(Token)).Address);
            }
        }

        await using var plain = Join();
        await using var stranger = Join(foreign.Options);
        await Assert.ThrowsAnyAsync<Exception>(() => ConnectAsync(redis, link: null, new CancellationTokenSource(s_notWithin).Token));
        await Assert.ThrowsAnyAsync<Exception>(() => ConnectAsync(redis, TlsCertificates.Load(foreign.Authority, foreign.Certificate, foreign.Key), new CancellationTokenSource(s_notWithin).Token));
        await Task.Delay(s_notWithin, Token);
        Assert.False(plain.Ports.IsCompleted, plain.Text);
        Assert.False(stranger.Ports.IsCompleted, stranger.Text);
        Assert.False(first.Exited.IsCompleted || second.Exited.IsCompleted);
    }

    [Fact]
    public void Files_that_are_no_certificates_are_told_by_name()
    {
        var own = new TestAuthority(_folder.FullName, "own");
        string wrong = Path.Combine(_folder.FullName, "wrong.pem");
        File.WriteAllText(wrong, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        Assert.StartsWith(wrong, Assert.Throws<FormatException>(() => TlsCertificates.Load(wrong, null, null)).Message, StringComparison.Ordinal);
        Assert.StartsWith($"{own.Certificate} with the key {own.Certificate}", Assert.Throws<FormatException>(() => TlsCertificates.Load(own.Authority, own.Certificate, own.Certificate)).Message, StringComparison.Ordinal);
        _ = TlsCertificates.Load(own.Authority, own.Certificate, own.Key);
    }

    private static async Task<IHost> ConnectAsync(RedisProcess redis, TlsLink? link, CancellationToken cancellationToken)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleansClient(client =>
        {
            client.Configure<ClusterOptions>(cluster => (cluster.ServiceId, cluster.ClusterId) = (GridIdentity.ServiceId, "x"));
            client.UseRedisClustering(clustering => clustering.ConfigurationOptions = RedisConnection.Options(redis.Endpoint, "test"));
            if (link is not null) { client.Configure<ClientConnectionOptions>(options => options.ConfigureConnection(connection => connection.Use(link.Connect))); }
        });
        var host = builder.Build();
        try
        {
            await host.StartAsync(cancellationToken);
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }
}
