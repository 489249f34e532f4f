using Orleans.GrainDirectory;
using Orleans.Runtime;

namespace Ctwa.Grains.Placement;

/// <summary>
/// Directory of grains whose key names their silo: there is nothing to look up. The grid's own directory is divided over the silos, and
/// freezes a dead silo's part for seconds; grains that take a dead silo's work over must not wait for that.
/// </summary>
internal sealed class PinnedDirectory : IGrainDirectory
{
    /// <summary>Name, for <c>GrainDirectory</c> attributes.</summary>
    public const string Name = "pinned";

    /// <inheritdoc/>
    public Task<GrainAddress?> Register(GrainAddress address) => Task.FromResult<GrainAddress?>(address);

    /// <inheritdoc/>
    public Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress) => Task.FromResult<GrainAddress?>(address);

    /// <inheritdoc/>
    public Task Unregister(GrainAddress address) => Task.CompletedTask;

    /// <summary>Unknown: placement says where, and the silo there has at most one activation.</summary>
    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult<GrainAddress?>(null);

    /// <inheritdoc/>
    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}
