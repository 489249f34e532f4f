using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Measurements for the metrics; none of them moves the training.</summary>
public sealed record DiagnosticsSpec
{
    [Description("Measure the objectives' gradients (cosines, conflicts, norms, predicted improvement) every so many steps, at the cost of one backward pass per objective; 0: only where the method does so anyway. Methods that solve for gradients report every update that they solve.")]
    [Range(0, 1_000_000)]
    public int GramEvery { get; init; }

    [Description("Measure every so many steps what the step changed in the objectives on its own rollouts (realised improvement, interference events, clip distortion), at the cost of one forward pass; 0: never.")]
    [Range(0, 1_000_000)]
    public int RealisedEvery { get; init; } = 1;

    [Description("Reference point of the hypervolume, one number per objective or one for all: the scores below which nothing counts.")]
    public NumberOrList HypervolumeReference { get; init; } = new(0.0);
}
