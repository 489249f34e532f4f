using System.Collections.Immutable;

namespace Ctwa.Training.Specification;

/// <summary>One parameter of a model: its Hugging Face name and its shape.</summary>
public sealed record ModelParameter(string Name, ImmutableArray<long> Shape)
{
    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, dimension) => checked(product * dimension));
}
