using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Placement;
using Orleans.Runtime;

namespace Ctwa.Grains.Hosting;

/// <summary>Answers for the silo that it is pinned to.</summary>
[Pinned]
public sealed class SiloGrain(SiloSelf self, ILocalSiloDetails silo) : Grain, ISiloGrain
{
    /// <inheritdoc/>
    public Task<SiloDescription> Describe(CancellationToken cancellationToken) => Task.FromResult(self.Describe(silo.SiloAddress));
}
