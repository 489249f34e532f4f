using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>RVPO (arXiv 2605.05750): a soft minimum of the rewards standardised within each prompt.</summary>
[ScalarizationMethod("rvpo")]
public sealed record RvpoScalarizerSpec : ScalarizerSpec
{
    /// <inheritdoc/>
    public override bool MakesItsOwnAdvantages() => true;

    [Description("k, aversion to risk: 0 is the weighted mean, large values look at the worst objective of a completion only.")]
    [Range(0.0, 1e6)]
    public double K { get; init; } = 1;

    [Description("Whiten the soft minimum over the step's completions, as GDPO does with its sum: a soft minimum lies below the mean, so without it most advantages are negative. The method makes the advantages itself; advantage.estimator is not used.")]
    public bool Whiten { get; init; } = true;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) => [.. MethodRules.NoReferenceMode(job), .. MethodRules.SeveralObjectives(job), .. MethodRules.SamplesToCompare(job)];
}
