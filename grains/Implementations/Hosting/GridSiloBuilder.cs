using Ctwa.Grains.Compute;
using Ctwa.Grains.Placement;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;

namespace Ctwa.Grains.Hosting;

/// <summary>What makes an Orleans silo one of the grid, whoever hosts it.</summary>
public static class GridSiloBuilder
{
    /// <summary>What an Orleans message may hold: a tensor in one is a mistake that must fail (invariant I8).</summary>
    public const int LargestMessageBytes = 4 * 1024 * 1024;

    /// <summary>Adds compute lanes and the limits of messages.</summary>
    public static ISiloBuilder AddGrid(this ISiloBuilder silo, SiloComputeOptions options)
    {
        silo.Services.AddSingleton(options);
        silo.Services.AddSingleton<JobHosts>();
        silo.Services.AddPlacementDirector<PinnedPlacement, PinnedPlacementDirector>();
        silo.Configure<SiloMessagingOptions>(messaging =>
        {
            messaging.MaxMessageBodySize = LargestMessageBytes;
            messaging.ResponseTimeout = TimeSpan.FromSeconds(30);
            // The callee learns that nobody waits any more.
            messaging.CancelRequestOnTimeout = true;
        });
        silo.Configure<ClusterMembershipOptions>(membership =>
        {
            // A crash is noticed within 2 s, and a silo that hangs within MaxProbeTimeout x NumMissedProbesLimit = 6 s.
            membership.ProbeTimeout = TimeSpan.FromSeconds(1);
            membership.MinProbeTimeout = TimeSpan.FromSeconds(0.5);
            membership.MaxProbeTimeout = TimeSpan.FromSeconds(2);
            membership.NumMissedProbesLimit = 3;
            membership.NumVotesForDeathDeclaration = 2;
            membership.TableRefreshTimeout = TimeSpan.FromSeconds(5);
            membership.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
        });
        // With one connection for everything, a long message delays the probes behind it.
        silo.Configure<ConnectionOptions>(connections => connections.ConnectionsPerEndpoint = 3);
        // After a death, what the dead silo had registered is frozen for this time less 6 s; the default freezes it for 24 s.
        return silo.Configure<GrainDirectoryOptions>(directory => directory.RangeLeaseDuration = TimeSpan.FromSeconds(10));
    }
}
