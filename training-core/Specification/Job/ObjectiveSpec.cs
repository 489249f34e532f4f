using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>One objective: a reward, its weight or preference, and what happens when the reward fails.</summary>
public sealed record ObjectiveSpec
{
    [Description("Name; keys state and metrics. Letters, digits, '-' and '_'.")]
    [RegularExpression("^[A-Za-z][A-Za-z0-9_-]{0,47}$")]
    public required string Name { get; init; }

    [Description("The reward function.")]
    public required RewardSpec Reward { get; init; }

    [Description("Weight (linear) or starting weight (adaptive methods). Only proportions matter: weights are normalised to sum 1.")]
    [Range(0.0, 1e6)]
    public double Weight { get; init; } = 1.0;

    [Description("What a failed score does after its retries: fail (stop the job), drop_sample, or substitute.")]
    public FailurePolicy OnFailure { get; init; } = FailurePolicy.Fail;

    [Description("The score used with on_failure: substitute.")]
    public double SubstituteScore { get; init; }

    [Description("Retries of a failed score. With reward.kind: shared, those of the reward model count.")]
    [Range(0, 100)]
    public int Retries { get; init; } = 2;

    [Description("Time allowed for one scoring call, such as 500ms, 5s or 2m. With reward.kind: shared, that of the reward model counts.")]
    public string Timeout { get; init; } = "5s";
}

/// <summary>What a score that stays missing, infinite or NaN does to its sample.</summary>
public enum FailurePolicy { Fail, DropSample, Substitute }

/// <summary>corrected: the published meaning with known defects mended; reference: the reference implementation's arithmetic, defects included.</summary>
public enum MethodMode { Corrected, Reference }
