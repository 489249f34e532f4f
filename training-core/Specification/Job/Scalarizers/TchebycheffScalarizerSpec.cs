using System.ComponentModel;

namespace Ctwa.Training.Specification;

/// <summary>Where the reference implementation takes its ideal point from.</summary>
public enum ReferencePoint
{
    /// <summary>Largest token reward of any batch so far.</summary>
    RunningMax,

    /// <summary>Largest token reward of the batch.</summary>
    BatchMax,
}

/// <summary>Weighted Tchebycheff: minimise max_i w_i (z_i − r_i).</summary>
[ScalarizationMethod("tchebycheff")]
public sealed record TchebycheffScalarizerSpec : IdealPointScalarizerSpec
{
    [Description("Reference mode without ideal: running_max (default) or batch_max, the batch's largest token rewards.")]
    public ReferencePoint ReferencePoint { get; init; } = ReferencePoint.RunningMax;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) =>
    [
        .. base.Check(job), .. MethodRules.ReferenceWeights(job),
        .. MethodRules.UsedOnlyWith("reference_point", ReferencePoint != ReferencePoint.RunningMax && Mode == MethodMode.Corrected, "mode: reference (an ideal that moves with every batch rewards nothing in particular)"),
        .. MethodRules.UsedOnlyWith("nadir", Nadir is not null && Ideal is not null && Mode == MethodMode.Reference, "mode: corrected"),
    ];
}
