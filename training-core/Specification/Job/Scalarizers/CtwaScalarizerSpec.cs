using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>
/// Covariance-targeted weight adaptation (arXiv 2602.06869): a weight rises while its objective's within-prompt
/// covariance (reference) or correlation (corrected) with the training signal lies below a target; without targets
/// (corrected), the weights that balance the correlations are solved for.
/// </summary>
[ScalarizationMethod("ctwa")]
public sealed record CtwaScalarizerSpec : ScalarizerSpec
{
    [Description("Target of each objective, in the order of objectives, or one number for all: the controller raises weights below target. Corrected mode: correlations (0..1); reference mode (needs them): covariances unless use_correlation. Default, corrected mode: none; each step solves for the weights at which every objective has the same, largest possible correlation with the training signal (in proportion to the objectives' weights).")]
    public NumberOrList? Targets { get; init; }

    [Description("With targets: step size η of the log-weights.")]
    [Range(0.0, 1000.0)]
    public double LearningRate { get; init; } = 0.5;

    [Description("τ of the moving average of covariances: c̄ ← (1−τ)c̄ + τc; without targets, of the covariance matrix of the objectives.")]
    [Range(0.0, 1.0)]
    public double EmaRate { get; init; } = 0.3;

    [Description("Corrected mode with targets: ρ, the pull of the log-weights back to their start; bounds them by η·deficit/ρ.")]
    [Range(0.0, 1.0)]
    public double Leak { get; init; } = 0.05;

    [Description("Corrected mode: smallest normalised weight of any objective; at most 1/number of objectives.")]
    [Range(0.0, 1.0)]
    public double Floor { get; init; } = 0.02;

    [Description("With targets: mean score above which an objective's weight no longer rises, one per objective or one for all; default: no gate.")]
    public NumberOrList? ObjectiveTargets { get; init; }

    [Description("Reference mode: compare correlations instead of covariances with the targets.")]
    public bool UseCorrelation { get; init; }
}
