using System.Net;
using System.Net.Sockets;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Hosting;
using Ctwa.Training.Specification;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Ctwa.Grains.Tests;

/// <summary>A silo of the grid in the test's process, as the silo executable sets it up.</summary>
internal sealed class TestSilo : IAsyncDisposable
{
    private const string ClusterId = "ctwa-test";
    private readonly IHost _host;
    private readonly int _gateway;

    private TestSilo(IHost host, int gateway) => (_host, _gateway) = (host, gateway);

    public IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

    public JobHosts Hosts => _host.Services.GetRequiredService<JobHosts>();

    public static async Task<TestSilo> StartAsync(int lanes, RewardPolicy? rewards = null, int devices = 1)
    {
        for (int attempt = 1; ; attempt++)
        {
            var (silo, gateway) = FreePorts();
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
            builder.UseOrleans(orleans => orleans
                .UseLocalhostClustering(silo, gateway, primarySiloEndpoint: null, GridIdentity.ServiceId, ClusterId)
                .AddGrid(new SiloComputeOptions { Lanes = lanes, Devices = [.. Enumerable.Repeat(TorchSharp.torch.CPU, devices)], Rewards = rewards ?? RewardPolicy.Closed }));
            var host = builder.Build();
            try
            {
                await host.StartAsync();
                return new TestSilo(host, gateway);
            }
            catch (SocketException) when (attempt < 5)
            {
                // Someone took the port in between.
                host.Dispose();
            }
        }
    }

    /// <summary>A client that is connected over loopback.</summary>
    public async Task<IHost> ConnectAsync(TimeSpan responseTimeout)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleansClient(client => client
            .UseLocalhostClustering(_gateway, GridIdentity.ServiceId, ClusterId)
            .Configure<ClientMessagingOptions>(options => options.ResponseTimeout = responseTimeout));
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    private static (int Silo, int Gateway) FreePorts()
    {
        using TcpListener first = new(IPAddress.Loopback, 0), second = new(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }
}
