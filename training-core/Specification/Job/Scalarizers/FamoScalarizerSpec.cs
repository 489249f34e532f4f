using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>FAMO (arXiv 2306.03792) on reward gaps: every objective's gap to its ideal shall shrink at the same relative rate.</summary>
[ScalarizationMethod("famo")]
public sealed record FamoScalarizerSpec : ScalarizerSpec
{
    [Description("z, the ideal score of each objective, or one number for all; default: the largest score of any training completion so far.")]
    public NumberOrList? Ideal { get; init; }

    [Description("Added to every gap D = z − mean, which must be positive; also bounds the weight of an objective that has reached its ideal.")]
    [Range(1e-9, 1000.0)]
    public double Epsilon { get; init; } = 0.01;

    [Description("τ of the moving average of the mean scores; 1: only the step's own.")]
    [Range(1e-6, 1.0)]
    public double EmaRate { get; init; } = 0.3;

    [Description("Adam's step size for the logits of the weights.")]
    [Range(0.0, 1000.0)]
    public double LearningRate { get; init; } = 0.025;

    [Description("Pull of the logits back to the objectives' weights.")]
    [Range(0.0, 1000.0)]
    public double Decay { get; init; } = 0.001;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) =>
    [
        .. MethodRules.NoReferenceMode(job), .. MethodRules.SeveralObjectives(job), .. MethodRules.OnePerObjective(job, "ideal", Ideal),
        .. MethodRules.PositiveWeights(job, "starts from the logarithms of the weights"),
    ];
}
