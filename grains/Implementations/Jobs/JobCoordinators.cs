using Ctwa.Grains.Abstractions;
using Orleans.Runtime;

namespace Ctwa.Grains.Jobs;

/// <summary>The coordinators of jobs, as the grid sees them.</summary>
internal interface IJobCoordinators
{
    ICoordinatorGrain Of(string jobId);

    /// <summary>Lets the coordinator of a job that does not run go: its next activation knows nothing and can be given the job again.</summary>
    Task RetireAsync(string jobId);

    /// <summary>Silos of the grid, in Orleans' parsable form.</summary>
    IReadOnlyList<string> Peers();
}

/// <inheritdoc cref="IJobCoordinators"/>
internal sealed class JobCoordinators(IGrainFactory grains, IClusterMembershipService membership) : IJobCoordinators
{
    public ICoordinatorGrain Of(string jobId) => grains.GetGrain<ICoordinatorGrain>(jobId);

    public async Task RetireAsync(string jobId) => await Of(jobId).AsReference<Orleans.Core.Internal.IGrainManagementExtension>().DeactivateOnIdle();

    public IReadOnlyList<string> Peers() =>
        [.. membership.CurrentSnapshot.Members.Where(member => member.Value.Status == SiloStatus.Active).Select(member => member.Key.ToParsableString()).Order(StringComparer.Ordinal)];
}
