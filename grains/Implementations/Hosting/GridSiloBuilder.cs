using Ctwa.Grains.Channel;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Jobs;
using Ctwa.Grains.Placement;
using Ctwa.Grains.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Placement;
using Orleans.Providers;
using Orleans.Runtime.Hosting;
using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Storage;

namespace Ctwa.Grains.Hosting;

/// <summary>What makes an Orleans silo one of the grid, whoever hosts it.</summary>
public static class GridSiloBuilder
{
    /// <summary>What an Orleans message may hold: a tensor in one is a mistake that must fail (invariant I8).</summary>
    public const int LargestMessageBytes = 4 * 1024 * 1024;

    /// <summary>Name of the grid's storage of grain state and of its stream provider.</summary>
    public const string ProviderName = "ctwa";

    // Each is polled all the time, and logs when the silo that holds it dies. Events are few.
    private const int StreamQueues = 2;

    /// <summary>Adds compute lanes, placement, streams, and the settings of membership and messages.</summary>
    /// <param name="options">What it lends to jobs.</param>
    /// <param name="self">What it says about itself; null: as the options say.</param>
    public static ISiloBuilder AddGrid(this ISiloBuilder silo, SiloComputeOptions options, SiloSelf? self = null)
    {
        self ??= SiloSelf.Of(options);
        silo.Services.AddSingleton(options);
        silo.Services.AddSingleton(self);
        silo.Services.AddSingleton<JobHosts>();
        silo.Services.AddSingleton<Rollouts.IShardStations, Rollouts.ShardStations>();
        silo.Services.TryAddSingleton<ISiloActivity, LaneActivity>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, SiloMetrics>();
        silo.Services.TryAddSingleton(new GridFolders());
        silo.Services.AddPlacementDirector<PinnedPlacement, PinnedPlacementDirector>();
        silo.Services.AddGrainDirectory(PinnedDirectory.Name, (_, _) => new PinnedDirectory());
        silo.Services.AddPlacementFilter<SilosWithFilter, SilosWithDirector>(ServiceLifetime.Transient);
        silo.UseSiloMetadata(self.Metadata());
        // Events for watchers: they are lost with a silo, and a watcher fills the gap from the run's files.
        silo.AddMemoryStreams(ProviderName, streams => streams.ConfigurePartitioning(StreamQueues));
        silo.AddMemoryGrainStorage(ProviderConstants.DEFAULT_PUBSUB_PROVIDER_NAME);
        silo.AddJobs();
        return silo.ConfigureGridSettings();
    }

    /// <summary>Serves tensors to other silos and gets theirs.</summary>
    public static ISiloBuilder AddTensorChannel(this ISiloBuilder silo, TensorChannelOptions options)
    {
        silo.Services.AddSingleton(services => new TensorChannel(options, services.GetRequiredService<JobHosts>(), services.GetRequiredService<ILogger<TensorChannel>>()));
        silo.Services.AddSingleton<ChannelService>();
        silo.Services.AddSingleton<ITensorTransport>(services => services.GetRequiredService<ChannelService>());
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<ChannelService>());
        return silo;
    }

    /// <summary>Keeps grain state in files of a folder, or in memory.</summary>
    /// <param name="folder">Folder that no other silo uses; null: memory.</param>
    public static ISiloBuilder AddGridStorage(this ISiloBuilder silo, string? folder)
    {
        if (folder is null) { return silo.AddMemoryGrainStorage(ProviderName); }
        silo.Services.AddGrainStorage(ProviderName, (services, _) => new FileGrainStorage(folder, services.GetRequiredService<IGrainStorageSerializer>()));
        return silo;
    }

    private static ISiloBuilder ConfigureGridSettings(this ISiloBuilder silo)
    {
        silo.Configure<SiloMessagingOptions>(messaging =>
        {
            messaging.MaxMessageBodySize = LargestMessageBytes;
            // No call takes longer than 5 s (invariant I8): one that does is lost, and is made again.
            messaging.ResponseTimeout = TimeSpan.FromSeconds(10);
            // A client whose connection here was torn goes on through another silo's gateway. Until it is dropped here, what this silo's
            // grains answer waits here for it to come back: the default, a minute, is as long as clients are patient.
            messaging.ClientDropTimeout = TimeSpan.FromSeconds(5);
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
