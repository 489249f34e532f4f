using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;

namespace Ctwa.Client.Grid;

/// <summary>Connects an Orleans client to a silo with localhost clustering.</summary>
internal sealed class OrleansConnector(Deadlines deadlines) : IGridConnector
{
    /// <summary>Service id of every grid; the cluster id tells grids apart.</summary>
    public const string ServiceId = Ctwa.Grains.Abstractions.GridIdentity.ServiceId;

    public async Task<IGridConnection> ConnectAsync(int gatewayPort, string clusterId, CancellationToken cancellationToken)
    {
        // Empty: no configuration files or variables of whatever directory this is, and no log lines in the progress.
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.UseOrleansClient(client => client
            .UseLocalhostClustering(gatewayPort, ServiceId, clusterId)
            .Configure<ClientMessagingOptions>(options => options.ResponseTimeout = deadlines.Call));
        var host = builder.Build();
        try
        {
            await host.StartAsync(cancellationToken);
            return new Connection(host);
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    private sealed class Connection(IHost host) : IGridConnection
    {
        // A client that says good-bye to a silo that is gone must not wait for its answer.
        private static readonly TimeSpan LeaveWithin = TimeSpan.FromSeconds(2);

        public ICoordinatorGrain Coordinator(string jobId) => host.Services.GetRequiredService<IClusterClient>().GetGrain<ICoordinatorGrain>(jobId);

        public async ValueTask DisposeAsync()
        {
            try
            {
                using var patience = new CancellationTokenSource(LeaveWithin);
                await host.StopAsync(patience.Token).WaitAsync(LeaveWithin);
            }
            catch (Exception e) when (e is OperationCanceledException or TimeoutException or OrleansException)
            {
                // The process ends next; the silo notices.
            }

            host.Dispose();
        }
    }

    /// <summary>Leaves SIGINT and SIGTERM alone: the default lifetime would end the connection at the first Ctrl-C, before the checkpoint.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
