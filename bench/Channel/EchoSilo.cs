using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Placement;

namespace Ctwa.Bench.Channel;

/// <summary>A grain that answers at once.</summary>
[Alias("ctwa.bench.IEchoGrain")]
internal interface IEchoGrain : IGrainWithIntegerKey
{
    [Alias("Echo"), AlwaysInterleave]
    Task<long> Echo(long value, CancellationToken cancellationToken);
}

/// <summary>Lives where it was first asked for: in the serving process.</summary>
[PreferLocalPlacement, KeepAlive]
internal sealed class EchoGrain : Grain, IEchoGrain
{
    public Task<long> Echo(long value, CancellationToken cancellationToken) => Task.FromResult(value);
}

/// <summary>A silo on loopback; the serving process holds the membership, the other joins it.</summary>
internal sealed class EchoSilo : IAsyncDisposable
{
    private readonly IHost _host;

    private EchoSilo(IHost host, int port) => (_host, Port) = (host, port);

    public int Port { get; }

    public IEchoGrain Echo => _host.Services.GetRequiredService<IGrainFactory>().GetGrain<IEchoGrain>(0);

    public static async Task<EchoSilo> StartAsync(int? primary)
    {
        for (int attempt = 1; ; attempt++)
        {
            int port = FreePort(), gateway = FreePort();
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
            builder.Logging.SetMinimumLevel(LogLevel.None);
            builder.UseOrleans(silo => silo
                .UseLocalhostClustering(port, gateway, primary is { } known ? new IPEndPoint(IPAddress.Loopback, known) : null, "ctwa-bench", "ctwa-bench")
                .Configure<SiloMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(20)));
            var host = builder.Build();
            try
            {
                await host.StartAsync();
                return new EchoSilo(host, port);
            }
            catch (SocketException) when (attempt < 5)
            {
                // Someone took the port in between.
                host.Dispose();
            }
        }
    }

    /// <summary>Places the grain on this silo.</summary>
    public Task ActivateAsync() => Echo.Echo(0, default);

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
