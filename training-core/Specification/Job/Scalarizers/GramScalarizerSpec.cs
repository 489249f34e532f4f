using System.ComponentModel;

namespace Ctwa.Training.Specification;

/// <summary>Options shared by the methods that solve for the coefficients of the objectives' gradients from the Gram matrix alone.</summary>
public abstract record GramScalarizerSpec : GradientScalarizerSpec
{
    [Description("Scale the combined gradient to the length of the weighted mean gradient, Σ weight · gradient, so that learning rate, clipping and the KL penalty mean the same as with method: linear. At most 100 times; near a point where the gradients cancel it stays short.")]
    public bool Rescale { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) => [.. base.Check(job), .. MethodRules.NoReferenceMode(job)];
}
