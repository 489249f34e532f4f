using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Conflict-averse gradient (arXiv 2110.14048): near the weighted mean gradient, the direction that improves the worst objective most.</summary>
[ScalarizationMethod("cagrad")]
public sealed record CAGradScalarizerSpec : GramScalarizerSpec
{
    [Description("How far the direction may be from the weighted mean gradient, as a share of its length: 0 is method: linear, from 1 on no objective is worsened.")]
    [Range(0.0, 100.0)]
    public double C { get; init; } = 0.5;
}
