using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Placement;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;

namespace Ctwa.Grains.Hosting;

/// <summary>Answers for the silo that it is pinned to.</summary>
[Pinned]
public sealed class SiloGrain(SiloSelf self, ILocalSiloDetails silo, JobHosts hosts, IServiceProvider services) : Grain, ISiloGrain
{
    /// <inheritdoc/>
    public Task<SiloDescription> Describe(CancellationToken cancellationToken) => Task.FromResult(self.Describe(silo.SiloAddress) with
    {
        Proof = SiloProofOfSecret.Of(services.GetService<ClusterSecret>(), silo.SiloAddress.ToParsableString()),
        Jobs = [.. hosts.Computing.Order(StringComparer.Ordinal).Take(SiloDescription.MostJobs)],
    });
}
