using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Smooth Tchebycheff (arXiv 2402.19078): minimise μ log Σ_i exp(w_i (z_i − r_i)/μ).</summary>
[ScalarizationMethod("stch")]
public sealed record StchScalarizerSpec : IdealPointScalarizerSpec
{
    [Description("μ, the smoothness: near 0 only the farthest objective counts (Tchebycheff), large values weigh all of them as linear does.")]
    [Range(1e-6, 1e6)]
    public double Mu { get; init; } = 0.1;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) => [.. MethodRules.NoReferenceMode(job), .. base.Check(job)];
}
