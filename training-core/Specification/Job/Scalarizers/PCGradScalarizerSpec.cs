using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>The order in which a gradient meets the others.</summary>
public enum ProjectionOrder
{
    /// <summary>Drawn anew for every gradient and update.</summary>
    Random,

    /// <summary>The order of the objectives.</summary>
    Fixed,
}

/// <summary>Projecting conflicting gradients (arXiv 2001.06782): each gradient loses its component along every other that it conflicts with.</summary>
[ScalarizationMethod("pcgrad")]
public sealed record PCGradScalarizerSpec : GramScalarizerSpec
{
    [Description("random (default): each gradient meets the others in an order drawn for every update; fixed: in the order of the objectives.")]
    public ProjectionOrder Order { get; init; } = ProjectionOrder.Random;

    [Description("Seed of the random orders; with step and update it determines them.")]
    [Range(0L, long.MaxValue)]
    public long OrderSeed { get; init; } = 1;
}
