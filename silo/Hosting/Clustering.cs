using System.Net;
using Ctwa.Grains.Abstractions;
using Ctwa.Grid.Redis;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Ctwa.Silo.Hosting;

/// <summary>How the silo finds others.</summary>
internal static class Clustering
{
    /// <summary>Name of this silo's connections in Redis' list of clients.</summary>
    public const string ConnectionName = "ctwa-silo";

    /// <summary>Sets membership and addresses.</summary>
    public static ISiloBuilder UseClustering(this ISiloBuilder silo, Options.ClusterOptions cluster)
    {
        if (cluster.Redis is not { } redis)
        {
            return silo.UseLocalhostClustering(cluster.SiloPort, cluster.GatewayPort, primarySiloEndpoint: null, GridIdentity.ServiceId, cluster.ClusterId);
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
        silo.UseRedisClustering(clustering => clustering.ConfigurationOptions = RedisConnection.Options(redis, ConnectionName));
#pragma warning disable ORLEANSEXP003 // Experimental in name; without it two activations of one coordinator were possible while membership changes.
        return silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
    }
}
