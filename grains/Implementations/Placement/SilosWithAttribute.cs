using Orleans.Metadata;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Runtime.Placement;

namespace Ctwa.Grains.Placement;

/// <summary>
/// Grains that live only on silos whose metadata have a value (<see cref="Hosting.SiloMetadataKeys"/>). Orleans' own filter
/// compares with the silo that asks; this one with a fixed value, whoever asks. Without such a silo a call fails at once:
/// <c>No active nodes are compatible with grain</c>.
/// </summary>
/// <param name="key">Name in the metadata.</param>
/// <param name="value">Value that it must have.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class SilosWithAttribute(string key, string value) : PlacementFilterAttribute(new SilosWithFilter(key, value))
{
    /// <summary>Name in the metadata.</summary>
    public string Key { get; } = key;

    /// <summary>Value that it must have.</summary>
    public string Value { get; } = value;
}

/// <summary>Strategy of <see cref="SilosWithAttribute"/>: key and value travel with the grain type's properties.</summary>
[Serializable, GenerateSerializer, Immutable]
public sealed class SilosWithFilter : PlacementFilterStrategy
{
    private const string KeyProperty = "key";
    private const string ValueProperty = "value";

    /// <summary>For Orleans, which fills it from the properties.</summary>
    public SilosWithFilter()
        : base(0)
    {
    }

    /// <summary>Asks for a value.</summary>
    public SilosWithFilter(string key, string value)
        : base(0) => (Key, Value) = (key, value);

    /// <summary>Name in the metadata.</summary>
    [Id(0)]
    public string Key { get; private set; } = "";

    /// <summary>Value that it must have.</summary>
    [Id(1)]
    public string Value { get; private set; } = "";

    /// <inheritdoc/>
    public override void AdditionalInitialize(GrainProperties properties)
    {
        Key = GetPlacementFilterGrainProperty(KeyProperty, properties) ?? "";
        Value = GetPlacementFilterGrainProperty(ValueProperty, properties) ?? "";
    }

    /// <inheritdoc/>
    protected override IEnumerable<KeyValuePair<string, string>> GetAdditionalGrainProperties(IServiceProvider services, Type grainClass, GrainType grainType, IReadOnlyDictionary<string, string> existingProperties) =>
        [new(KeyProperty, Key), new(ValueProperty, Value)];
}

/// <summary>Looks the metadata up. Those of a silo that has just joined arrive a moment later; until then it is passed over.</summary>
public sealed class SilosWithDirector(ISiloMetadataCache metadata) : IPlacementFilterDirector
{
    /// <inheritdoc/>
    public IEnumerable<SiloAddress> Filter(PlacementFilterStrategy filterStrategy, PlacementTarget target, IEnumerable<SiloAddress> silos)
    {
        var asked = (SilosWithFilter)filterStrategy;
        return silos.Where(silo => metadata.GetSiloMetadata(silo).Metadata.TryGetValue(asked.Key, out string? value) && value == asked.Value);
    }
}
