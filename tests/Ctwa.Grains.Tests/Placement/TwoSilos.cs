using System.Net;
using System.Net.Sockets;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Hosting;
using Orleans.Runtime;

namespace Ctwa.Grains.Tests.Placement;

/// <summary>A real cluster of two silos in the test's process: the first for control, the second for computing.</summary>
internal sealed class TwoSilos : IAsyncDisposable
{
    private readonly IHost[] _hosts;

    private TwoSilos(IHost[] hosts) => _hosts = hosts;

    public SiloSelf ComputeSelf => _hosts[1].Services.GetRequiredService<SiloSelf>();

    public SiloAddress ControlAddress => AddressOf(0);

    public SiloAddress ComputeAddress => AddressOf(1);

    /// <summary>Makes calls from the silo for control.</summary>
    public IGrainFactory FromControl => _hosts[0].Services.GetRequiredService<IGrainFactory>();

    /// <summary>Makes calls from the silo for computing.</summary>
    public IGrainFactory FromCompute => _hosts[1].Services.GetRequiredService<IGrainFactory>();

    public static async Task<TwoSilos> StartAsync(CancellationToken cancellationToken)
    {
        int[] ports = FreePorts(4);
        var primary = new IPEndPoint(IPAddress.Loopback, ports[0]);
        var control = await StartAsync(ports[0], ports[1], primary, computes: false, cancellationToken);
        return new TwoSilos([control, await StartAsync(ports[2], ports[3], primary, computes: true, cancellationToken)]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts.Reverse())
        {
            await host.StopAsync();
            host.Dispose();
        }
    }

    private static async Task<IHost> StartAsync(int silo, int gateway, IPEndPoint primary, bool computes, CancellationToken cancellationToken)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        var options = new SiloComputeOptions { Lanes = 2 };
        builder.UseOrleans(orleans => orleans
            .UseLocalhostClustering(silo, gateway, primary, GridIdentity.ServiceId, "ctwa-two")
            .AddGrid(options, SiloSelf.Of(options, computes, memoryBytes: 1000)));
        var host = builder.Build();
        await host.StartAsync(cancellationToken);
        return host;
    }

    private static int[] FreePorts(int count)
    {
        TcpListener[] listeners = [.. Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0))];
        foreach (var listener in listeners) { listener.Start(); }
        int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        foreach (var listener in listeners) { listener.Stop(); }
        return ports;
    }

    private SiloAddress AddressOf(int silo) => _hosts[silo].Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;
}
