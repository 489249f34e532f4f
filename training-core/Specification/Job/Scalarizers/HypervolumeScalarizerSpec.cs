using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>
/// Hypervolume-guided rewards (arXiv 2509.11452): fixed weights, times a factor that rises when the last validation extended
/// the set of non-dominated validation results.
/// </summary>
[ScalarizationMethod("hypervolume")]
public sealed record HypervolumeScalarizerSpec : ScalarizerSpec
{
    /// <summary>Most objectives for which the exact hypervolume is computed.</summary>
    public const int MaxObjectives = 6;

    [Description("Mean scores from which volumes are measured, one per objective or one for all; a result must exceed it in every objective to count.")]
    public NumberOrList Reference { get; init; } = new(0.0);

    [Description("Factor on the added volume ΔHV before the tanh: rewards × (0.5 + 1.5 tanh(scale · ΔHV)).")]
    [Range(1e-9, 1e9)]
    public double Scale { get; init; } = 10;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) =>
    [
        .. MethodRules.NoReferenceMode(job), .. MethodRules.SeveralObjectives(job), .. NotTooMany(job), .. MethodRules.OnePerObjective(job, "reference", Reference), .. Validates(job),
    ];

    private static IEnumerable<JobFinding> NotTooMany(JobSpec job)
    {
        if (job.Objectives.Count > MaxObjectives) { yield return new("scalarizer", $"is method: hypervolume, but there are {job.Objectives.Count} objectives; the exact hypervolume is computed for at most {MaxObjectives}. Use another method, such as stch."); }
    }

    private static IEnumerable<JobFinding> Validates(JobSpec job)
    {
        if (job.Data.Validation is null) { yield return new("scalarizer", "is method: hypervolume, which is guided by validation scores, but there is no data.validation; give data.validation, or use another method."); }
        if (job.Schedule.ValidateEvery == 0) { yield return new("schedule.validate_every", "is 0, but method: hypervolume is guided by validation scores; give a number of steps, such as 10."); }
    }
}
