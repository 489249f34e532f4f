namespace Ctwa.Training.Specification;

/// <summary>
/// PAMA (arXiv 2508.07768): follow the objective whose positive advantages are smallest, using positive advantages only.
/// Experimental: its paper shows two objectives.
/// </summary>
[ScalarizationMethod("pama")]
public sealed record PamaScalarizerSpec : ScalarizerSpec
{
    /// <inheritdoc/>
    public override bool ComparesWithReferencePolicy() => Mode == MethodMode.Reference;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) =>
    [
        .. MethodRules.SeveralObjectives(job),
        .. Mode == MethodMode.Corrected ? MethodRules.PositiveWeights(job, "divides the mean positive advantage of each objective by its weight") : [],
        .. NoDiscount(job),
    ];

    private IEnumerable<JobFinding> NoDiscount(JobSpec job)
    {
        if (Mode == MethodMode.Reference && job.Advantage.Gamma != 1) { yield return new("advantage.gamma", FormattableString.Invariant($"is {job.Advantage.Gamma}; pama in mode: reference counts clipped tokens per completion, which is exact only if all tokens of a completion share one advantage. Use gamma: 1, or mode: corrected.")); }
    }
}
