using Orleans.Metadata;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Ctwa.Grains.Placement;

/// <summary>
/// Grains whose key names the silo that they live on (<see cref="GrainKeys"/>). Moving a shard or slice is addressing another
/// grain: there is never a question which activation is the right one, and nothing waits for a directory to forget a dead silo.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class PinnedAttribute() : PlacementAttribute(new PinnedPlacement())
{
    /// <inheritdoc/>
    public override void Populate(IServiceProvider services, Type grainClass, GrainType grainType, Dictionary<string, string> properties)
    {
        base.Populate(services, grainClass, grainType, properties);
        properties[WellKnownGrainTypeProperties.GrainDirectory] = PinnedDirectory.Name;
    }
}

/// <summary>Strategy of <see cref="PinnedAttribute"/>.</summary>
[Serializable, GenerateSerializer, Immutable]
public sealed class PinnedPlacement : PlacementStrategy;

/// <summary>Finds the silo in the key.</summary>
public sealed class PinnedPlacementDirector : IPlacementDirector
{
    /// <exception cref="SiloUnavailableException">The silo is not an active member of the grid.</exception>
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        string key = target.GrainIdentity.Key.ToString()!;
        string? silo = GrainKeys.SiloOf(key);
        if (silo is null) { return Task.FromResult(context.LocalSilo); }
        var address = SiloAddress.FromParsableString(silo);
        return context.GetCompatibleSilos(target).Contains(address)
            ? Task.FromResult(address)
            : Task.FromException<SiloAddress>(new SiloUnavailableException($"silo {silo}, which grain '{key}' is pinned to, is not an active member of the grid."));
    }
}
