using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Hosting;
using Ctwa.Grains.Jobs.Access;
using Ctwa.Grains.Jobs.Streams;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Runtime;
using Orleans.Storage;

namespace Ctwa.Grains.Jobs;

/// <summary>What a silo needs for the grid's queue of jobs, and for checking who calls.</summary>
internal static class JobsSiloBuilder
{
    /// <summary>
    /// Adds queue, keeper and, where there is a file of tokens, the checks of callers. Needs grain storage and streams named
    /// <see cref="GridSiloBuilder.ProviderName"/>; without the storage nobody keeps the queue alive.
    /// </summary>
    public static ISiloBuilder AddJobs(this ISiloBuilder silo)
    {
        var services = silo.Services;
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(new JobQueueOptions());
        services.TryAddSingleton<IJobCoordinators, JobCoordinators>();
        services.AddSingleton<JobConfinement>();
        services.AddSingleton<JobAdmission>();
        services.AddSingleton<JobEventFeeds>();
        services.AddSingleton<SiloRoll>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => provider.GetKeyedService<IGrainStorage>(GridSiloBuilder.ProviderName) is null
            ? new NoKeeper()
            : ActivatorUtilities.CreateInstance<JobKeeper>(provider));
        if (services.Any(service => service.ServiceType == typeof(GridTokensFile)))
        {
            services.AddSingleton<TokenFile>();
            services.AddSingleton<ICallerDirectory>(provider => provider.GetRequiredService<TokenFile>());
            services.AddSingleton<SiloProof>();
            silo.AddIncomingGrainCallFilter<GridGuardFilter>();
            silo.AddOutgoingGrainCallFilter<SiloProofFilter>();
        }

        return silo;
    }

    private sealed class NoKeeper : ILifecycleParticipant<ISiloLifecycle>
    {
        public void Participate(ISiloLifecycle lifecycle) { }
    }
}
