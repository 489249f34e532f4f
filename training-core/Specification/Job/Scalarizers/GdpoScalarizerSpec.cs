using System.ComponentModel;

namespace Ctwa.Training.Specification;

/// <summary>GDPO (arXiv 2601.05242): every reward is standardised within its prompt before they are added, then the sum over the batch.</summary>
[ScalarizationMethod("gdpo")]
public sealed record GdpoScalarizerSpec : ScalarizerSpec
{
    /// <inheritdoc/>
    public override bool MakesItsOwnAdvantages() => true;

    [Description("Whiten the sum over the step's completions (GDPO); false: leave it (MO-GRPO, arXiv 2509.22047). The method makes the advantages itself; advantage.estimator is not used.")]
    public bool Whiten { get; init; } = true;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) => [.. MethodRules.NoReferenceMode(job), .. MethodRules.SeveralObjectives(job), .. MethodRules.SamplesToCompare(job)];
}
