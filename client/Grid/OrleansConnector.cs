using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Ctwa.Grid.Redis;
using Ctwa.Grid.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;

namespace Ctwa.Client.Grid;

/// <summary>Connects an Orleans client to a grid.</summary>
/// <param name="configure">Adds to the client; null: nothing.</param>
internal sealed class OrleansConnector(Deadlines deadlines, Action<IClientBuilder>? configure = null) : IGridConnector
{
    /// <summary>Service id of every grid; the cluster id tells grids apart.</summary>
    public const string ServiceId = Ctwa.Grains.Abstractions.GridIdentity.ServiceId;

    public async Task<IGridConnection> ConnectAsync(GridAddress address, CancellationToken cancellationToken)
    {
        // Empty: no configuration files or variables of whatever directory this is, and no log lines in the progress.
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.UseOrleansClient(client =>
        {
            Find(client, address);
            if (address.Tls is { } trust)
            {
                var link = Link(trust);
                client.Configure<ClientConnectionOptions>(options => options.ConfigureConnection(connection => connection.Use(link.Connect)));
            }

            client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = deadlines.Call);
            configure?.Invoke(client);
        });
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

    private static TlsLink Link(GatewayTrust trust)
    {
        try { return TlsCertificates.Load(trust.Authority, trust.Certificate, trust.Key); }
        catch (FormatException wrong) { throw new CommandFailure(ExitCodes.BadInput, wrong.Message); }
    }

    private static void Find(IClientBuilder client, GridAddress address)
    {
        switch (address)
        {
            case GridAddress.Localhost local:
                client.UseLocalhostClustering(local.GatewayPort, ServiceId, local.ClusterId);
                break;
            case GridAddress.Gateway gateway:
                client.Configure<ClusterOptions>(cluster =>
                {
                    cluster.ServiceId = ServiceId;
                    cluster.ClusterId = gateway.ClusterId;
                });
                client.UseStaticClustering(gateway.Endpoint);
                break;
            case GridAddress.Redis redis:
                client.Configure<ClusterOptions>(cluster =>
                {
                    cluster.ServiceId = ServiceId;
                    cluster.ClusterId = redis.ClusterId;
                });
                client.UseRedisClustering(clustering => clustering.ConfigurationOptions = RedisConnection.Options(redis.Endpoint, "ctwa"));
                // The list of gateways is a grid that changes: a client must find another one before its caller gives up.
                client.Configure<GatewayOptions>(gateways => gateways.GatewayListRefreshPeriod = TimeSpan.FromSeconds(5));
                break;
            default:
                throw new ArgumentException($"no way to a grid at {address}.", nameof(address));
        }
    }

    private sealed class Connection(IHost host) : IGridConnection
    {
        // A client that says good-bye to a silo that is gone must not wait for its answer.
        private static readonly TimeSpan LeaveWithin = TimeSpan.FromSeconds(2);

        public T Grain<T>(string key) where T : IGrainWithStringKey => host.Services.GetRequiredService<IClusterClient>().GetGrain<T>(key);

        public async Task<IAsyncDisposable?> SubscribeAsync(string jobId, Action<JobStreamItem> arrived) =>
            await StreamSubscription.OpenAsync(host.Services.GetRequiredService<IClusterClient>(), jobId, arrived);

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
