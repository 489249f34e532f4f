using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Nash bargaining between the objectives (arXiv 2202.01017); with a larger fairness, FairGrad (arXiv 2402.15638).</summary>
[ScalarizationMethod("nash_mtl")]
public sealed record NashMtlScalarizerSpec : GramScalarizerSpec
{
    [Description("Largest length of the combined gradient, by the Gram matrix that was solved; 0 (default): no bound. The Nash solution itself has length 1.")]
    [Range(0.0, 1e9)]
    public double MaxNorm { get; init; }

    [Description("1 (default): the Nash solution, which does not depend on the gradients' lengths; larger: closer to the worst-off objective (α-fairness).")]
    [Range(1.0, 4.0)]
    public double Fairness { get; init; } = 1;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job)
    {
        foreach (var finding in base.Check(job)) { yield return finding; }
        foreach (var finding in MethodRules.PositiveWeights(job, "gives every objective a share of the bargain, and 0 has none")) { yield return finding; }
        if (Rescale && MaxNorm > 0) { yield return new("scalarizer.max_norm", FormattableString.Invariant($"is {MaxNorm}, but rescale: true sets the length of the combined gradient; remove one of the two.")); }
    }
}
