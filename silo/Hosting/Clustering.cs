using System.Net;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Ctwa.Grains.Hosting;
using Ctwa.Grid.Redis;
using Ctwa.Silo.Hosting.Kubernetes;
using Ctwa.Silo.Hosting.Redis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace Ctwa.Silo.Hosting;

/// <summary>How the silo finds others, and what they share.</summary>
internal static class Clustering
{
    /// <summary>Name of this silo's connections in Redis' list of clients.</summary>
    public const string ConnectionName = "ctwa-silo";

    /// <summary>Sets membership, addresses, directory, and where grain state is kept.</summary>
    public static ISiloBuilder UseClustering(this ISiloBuilder silo, Options.ClusterOptions cluster, GridFolders folders)
    {
        if (cluster.Redis is not { } redis)
        {
            return silo.UseLocalhostClustering(cluster.SiloPort, cluster.GatewayPort, primarySiloEndpoint: null, GridIdentity.ServiceId, cluster.ClusterId)
                .AddGridStorage(folders.Data is { } data ? Path.Combine(data, "grains") : null);
        }

        silo.Configure<ClusterOptions>(names =>
        {
            names.ServiceId = GridIdentity.ServiceId;
            names.ClusterId = cluster.ClusterId;
        });
        silo.Configure<EndpointOptions>(endpoints =>
        {
            endpoints.AdvertisedIPAddress = cluster.Advertise;
            endpoints.SiloPort = cluster.SiloPort;
            endpoints.GatewayPort = cluster.GatewayPort;
            endpoints.SiloListeningEndpoint = new IPEndPoint(cluster.Bind, cluster.SiloPort);
            endpoints.GatewayListeningEndpoint = new IPEndPoint(cluster.Bind, cluster.GatewayPort);
        });
        silo.Services.AddSingleton(new GridRedis(redis, cluster.ClusterId));
        silo.Services.AddSingleton<IEpochSource, RedisEpochSource>();
        silo.Services.AddSingleton<SharedSecret>();
        silo.Services.AddSingleton<GridGuard>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<GridGuard>());
        if (cluster.Pod is { } pod) { silo.UsePods(pod, cluster.ClusterId); }
        silo.UseRedisClustering(clustering => clustering.ConfigurationOptions = RedisConnection.Options(redis, ConnectionName));
        silo.AddRedisGrainStorage(GridSiloBuilder.ProviderName, storage =>
        {
            storage.ConfigurationOptions = RedisConnection.Options(redis, ConnectionName);
            storage.DeleteStateOnClear = true;
            // Orleans' own key lacks the cluster: two grids on one Redis would share their jobs.
            storage.GetStorageKey = (state, grain) => GridRedis.KeyOf(cluster.ClusterId, $"state/{grain}/{state}");
        });
#pragma warning disable ORLEANSEXP003 // Experimental in name; without it two activations of one coordinator are possible while membership changes.
        return silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
    }
}
