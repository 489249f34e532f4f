namespace Ctwa.Training.Specification;

/// <summary>
/// DVAO (arXiv 2605.25604): within each prompt the standardised rewards are weighted by their deviations. The method makes the
/// advantages itself; advantage.estimator is not used.
/// </summary>
[ScalarizationMethod("dvao")]
public sealed record DvaoScalarizerSpec : ScalarizerSpec
{
    /// <inheritdoc/>
    public override bool MakesItsOwnAdvantages() => true;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) => [.. MethodRules.NoReferenceMode(job), .. MethodRules.SeveralObjectives(job), .. MethodRules.SamplesToCompare(job)];
}
