namespace Ctwa.Training.Specification;

/// <summary>Rules over <c>advantage</c>, <c>loss</c> and the optimizers.</summary>
internal static class LearningRules
{
    /// <summary>A place of a job that may hold optimizer settings.</summary>
    public sealed record Place(string Path, Func<JobSpec, OptimizerSpec?> Of);

    public static IReadOnlyList<Place> Optimizers { get; } =
    [
        new("optimizer", job => job.Optimizer),
        new("warm_start.optimizer", job => job.WarmStart?.Optimizer),
        new("supervised.optimizer", job => job.Supervised?.Optimizer),
    ];

    public static IEnumerable<JobFinding> GroupsForGrpo(JobSpec job)
    {
        if (job is { Kind: JobKind.Rl, Advantage.Estimator: AdvantageEstimator.Grpo, Rollout.SamplesPerPrompt: 1 })
        {
            yield return new("rollout.samples_per_prompt", "is 1; grpo compares the samples of a prompt with their mean, so every advantage would be 0. Give at least 2, or use reinforce_plus_plus.");
        }
    }

    public static IEnumerable<JobFinding> EstimatorUsesItsOptions(JobSpec job)
    {
        if (job is { Kind: JobKind.Rl, Advantage: { Estimator: AdvantageEstimator.Grpo, Gamma: not 1.0 } }) { yield return new("advantage.gamma", FormattableString.Invariant($"is {job.Advantage.Gamma}, but grpo has no discount; remove it, or use reinforce_plus_plus.")); }
        if (job is { Kind: JobKind.Rl, Advantage: { Estimator: AdvantageEstimator.ReinforcePlusPlus, NormalizeByStd: false } }) { yield return new("advantage.normalize_by_std", "is false, but belongs to grpo; reinforce_plus_plus always whitens. Remove it, or use grpo."); }
    }

    public static IEnumerable<JobFinding> DualClip(JobSpec job)
    {
        if (job.Loss.DualClip is > 0 and <= 1) { yield return new("loss.dual_clip", FormattableString.Invariant($"is {job.Loss.DualClip}; accepted are 0 (off) and numbers greater than 1, usually 3.")); }
    }

    public static IEnumerable<JobFinding> Betas(Place place, JobSpec job)
    {
        var betas = place.Of(job)?.Betas ?? [];
        for (int i = 0; i < betas.Count; i++)
        {
            if (betas[i] is not (>= 0 and < 1)) { yield return new($"{place.Path}.betas[{i}]", FormattableString.Invariant($"is {betas[i]}; accepted are numbers from 0 to below 1, usually [0.9, 0.999].")); }
        }
    }
}
