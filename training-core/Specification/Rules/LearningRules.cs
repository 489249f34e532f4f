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

    /// <summary>Estimators that compare the samples of a prompt with each other.</summary>
    private static readonly AdvantageEstimator[] s_relative =
    [
        AdvantageEstimator.Grpo, AdvantageEstimator.GrpoPassk, AdvantageEstimator.Rloo, AdvantageEstimator.Opo,
        AdvantageEstimator.Gpg, AdvantageEstimator.ReinforcePlusPlusBaseline,
    ];

    public static IEnumerable<JobFinding> SamplesToCompare(JobSpec job)
    {
        if (job is { Kind: JobKind.Rl, Rollout.SamplesPerPrompt: 1 } && s_relative.Contains(job.Advantage.Estimator))
        {
            yield return new("rollout.samples_per_prompt", $"is 1; {Word(job.Advantage.Estimator)} compares the samples of a prompt with each other, so every advantage would be 0. Give at least 2, or use reinforce_plus_plus.");
        }
    }

    public static IEnumerable<JobFinding> EstimatorUsesItsOptions(JobSpec job)
    {
        if (job.Kind != JobKind.Rl) { yield break; }
        var (advantage, standard) = (job.Advantage, new AdvantageSpec());
        string name = Word(advantage.Estimator);
        if (advantage.Gamma != standard.Gamma && advantage.Estimator is not (AdvantageEstimator.ReinforcePlusPlus or AdvantageEstimator.Gae)) { yield return new("advantage.gamma", FormattableString.Invariant($"is {advantage.Gamma}, but {name} has no discount; remove it, or use reinforce_plus_plus or gae.")); }
        if (advantage.Lambda != standard.Lambda && advantage.Estimator != AdvantageEstimator.Gae) { yield return new("advantage.lambda", FormattableString.Invariant($"is {advantage.Lambda}, but belongs to gae; remove it, or use gae.")); }
        if (!advantage.NormalizeByStd && advantage.Estimator is not (AdvantageEstimator.Grpo or AdvantageEstimator.GrpoPassk)) { yield return new("advantage.normalize_by_std", $"is false, but belongs to grpo and grpo_passk; {name} does not divide by a group's deviation. Remove it, or use grpo."); }
        if (job.Loss.Value is not null && advantage.Estimator != AdvantageEstimator.Gae) { yield return new("loss.value", $"belongs to advantage.estimator: gae; {name} has no value head. Remove it, or use gae."); }
    }

    public static IEnumerable<JobFinding> LossUsesItsOptions(JobSpec job)
    {
        if (job.Kind != JobKind.Rl) { yield break; }
        var (loss, standard) = (job.Loss, new LossSpec());
        (string Key, bool Given, LossKind[] Users)[] options =
        [
            ("clip_low", loss.ClipLow != standard.ClipLow, s_bounded),
            ("clip_high", loss.ClipHigh != standard.ClipHigh, s_bounded),
            ("dual_clip", loss.DualClip != standard.DualClip, [LossKind.Ppo]),
            ("cov_share", loss.CovShare != standard.CovShare, [LossKind.ClipCov, LossKind.KlCov]),
            ("cov_low", loss.CovLow != standard.CovLow, [LossKind.ClipCov]),
            ("cov_high", loss.CovHigh != standard.CovHigh, [LossKind.ClipCov]),
            ("cov_penalty", loss.CovPenalty != standard.CovPenalty, [LossKind.KlCov]),
        ];
        foreach (var (key, given, users) in options)
        {
            if (given && !users.Contains(loss.Kind)) { yield return new($"loss.{key}", $"belongs to kind: {string.Join(" or ", users.Select(Word))}, not to kind: {Word(loss.Kind)}; remove it."); }
        }

        if (loss.ConstantLength is not null && loss.Aggregation != LossAggregation.SequenceMeanTokenSumNorm) { yield return new("loss.constant_length", $"belongs to aggregation: sequence_mean_token_sum_norm, not to {Word(loss.Aggregation)}; remove it."); }
        if (loss.Kl is { StraightThrough: true, Kind: KlKind.Mse }) { yield return new("loss.kl.straight_through", "is true, but mse already follows its own gradient; remove it, or report another kind."); }
    }

    public static IEnumerable<JobFinding> LossInItsRange(JobSpec job)
    {
        if (job.Loss.DualClip is > 0 and <= 1) { yield return new("loss.dual_clip", FormattableString.Invariant($"is {job.Loss.DualClip}; accepted are 0 (off) and numbers greater than 1, usually 3.")); }
        if (job.Loss.ImportanceCap is > 0 and < 1) { yield return new("loss.importance_cap", FormattableString.Invariant($"is {job.Loss.ImportanceCap}; accepted are 0 (off) and numbers of at least 1, usually 2.")); }
        if (job.Loss.CovLow >= job.Loss.CovHigh) { yield return new("loss.cov_high", FormattableString.Invariant($"is {job.Loss.CovHigh}, not above cov_low, {job.Loss.CovLow}; no token could be chosen.")); }
    }

    public static IEnumerable<JobFinding> RewardKl(JobSpec job)
    {
        if (job.RewardKl is not { } penalty) { yield break; }
        if (job.Kind == JobKind.Sft)
        {
            yield return new("reward_kl", "belongs to kind: rl; supervised fine-tuning has no reward. Remove it.");
            yield break;
        }

        bool adaptive = penalty.Controller == KlController.Adaptive;
        if (adaptive && penalty.Target is null) { yield return new("reward_kl.target", "is missing; controller: adaptive needs it, in nats per token, such as 0.1."); }
        if (adaptive && penalty.Horizon is null) { yield return new("reward_kl.horizon", "is missing; controller: adaptive needs it, in completions, such as 10000."); }
        if (!adaptive && penalty.Target is not null) { yield return new("reward_kl.target", "belongs to controller: adaptive; remove it, or set the controller."); }
        if (!adaptive && penalty.Horizon is not null) { yield return new("reward_kl.horizon", "belongs to controller: adaptive; remove it, or set the controller."); }
    }

    public static IEnumerable<JobFinding> Betas(Place place, JobSpec job)
    {
        var betas = place.Of(job)?.Betas ?? [];
        for (int i = 0; i < betas.Count; i++)
        {
            if (betas[i] is not (>= 0 and < 1)) { yield return new($"{place.Path}.betas[{i}]", FormattableString.Invariant($"is {betas[i]}; accepted are numbers from 0 to below 1, usually [0.9, 0.999].")); }
        }
    }

    private static readonly LossKind[] s_bounded = [LossKind.Ppo, LossKind.Gspo, LossKind.ClipCov, LossKind.Gmpo, LossKind.Cispo];

    private static string Word<T>(T value) where T : struct, Enum => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
