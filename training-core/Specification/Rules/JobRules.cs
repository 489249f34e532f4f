namespace Ctwa.Training.Specification;

/// <summary>What must hold between the keys of a job; each rule is one method that yields what it finds.</summary>
public static class JobRules
{
    /// <param name="Reads">Paths that the rule reads; while one of them is broken the rule is silent.</param>
    /// <param name="Check">The rule.</param>
    private sealed record Rule(string[] Reads, Func<JobSpec, IEnumerable<JobFinding>> Check);

    private static readonly Rule[] rules =
    [
        new(["model.path", "model.init"], ModelRules.OnePolicy),
        new(["model.init"], ModelRules.HeadShape),
        new(["model.init", "data.max_prompt_tokens", "rollout.max_new_tokens"], ModelRules.PositionsForPromptAndResponse),
        new(["model"], ModelRules.Adapters),
        new(["model"], ModelRules.LossScale),
        new(["kind", "update.max_tokens_per_micro_batch", "data.max_prompt_tokens", "rollout.max_new_tokens"], ModelRules.TokenBudget),
        .. DataRules.Sources.Select(source => new Rule([source.Path], job => DataRules.OneSource(source, job))),
        .. DataRules.Sources.Select(source => new Rule([source.Path], job => DataRules.ReadableFormat(source, job))),
        .. DataRules.Sources.Select(source => new Rule([source.Path], job => DataRules.TermsInOrder(source, job))),
        .. DataRules.Sources.Select(source => new Rule([source.Path], job => DataRules.DifferentFields(source, job))),
        new(["data.train", "data.validation", "data.test"], DataRules.HeldOutData),
        new(["data.validation", "schedule.validate_every", "kind"], DataRules.DataToValidateOn),
        new(["data.chat", "data.chat_options"], DataRules.ChatVariables),
        new(["warm_start.data", "data.train", "kind"], DataRules.ResponsesToWarmStartOn),
        new(["kind", "objectives"], KindRules.ObjectivesForReinforcementLearning),
        new(["kind", "supervised"], KindRules.SupervisedOnlyWithSft),
        new(["kind", "objectives", "warm_start"], KindRules.NoReinforcementLearningInSft),
        new(["objectives"], ObjectiveRules.UniqueNames),
        new(["objectives"], ObjectiveRules.SomeWeight),
        new(["objectives"], ObjectiveRules.Timeouts),
        new(["objectives"], ObjectiveRules.SubstituteIsUsed),
        new(["objectives", "reward_models"], RewardRules.ReferenceModeWhereThereIsOne),
        new(["objectives", "reward_models"], RewardRules.LengthBounds),
        new(["objectives", "reward_models"], RewardRules.Patterns),
        new(["objectives", "reward_models"], RewardRules.Formulas),
        new(["objectives", "reward_models"], RewardRules.Processes),
        new(["objectives", "reward_models"], RewardRules.Services),
        new(["objectives", "reward_models"], RewardRules.Templates),
        new(["reward_models"], RewardModelRules.UniqueNames),
        new(["objectives", "reward_models"], RewardModelRules.Sources),
        new(["objectives", "reward_models"], RewardModelRules.References),
        new(["kind", "scalarizer", "objectives", "rollout", "advantage", "loss", "data", "schedule"], job => job.Kind == JobKind.Rl ? job.Scalarizer.Check(job) : []),
        new(["kind", "scalarizer", "objectives"], CtwaRules.SeveralObjectives),
        new(["kind", "scalarizer", "objectives"], CtwaRules.OneTargetPerObjective),
        new(["kind", "scalarizer"], CtwaRules.TargetsAreCorrelations),
        new(["kind", "scalarizer"], CtwaRules.TargetsWhereNeeded),
        new(["kind", "scalarizer", "objectives"], CtwaRules.FloorFits),
        new(["kind", "scalarizer", "objectives"], CtwaRules.PositiveStartingWeights),
        new(["kind", "scalarizer", "rollout.samples_per_prompt"], CtwaRules.SamplesToCompare),
        new(["kind", "diagnostics", "objectives"], DiagnosticsRules.ReferencePoint),
        new(["kind", "rollout.top_k", "rollout.top_p"], RolloutRules.FullSupport),
        new(["kind", "rollout", "schedule"], RolloutRules.CompletionsInBounds),
        new(["kind", "rollout.prompts_per_step", "update.prompts_per_update"], RolloutRules.UpdatesDivideTheStep),
        new(["kind", "advantage", "rollout.samples_per_prompt"], LearningRules.SamplesToCompare),
        new(["kind", "advantage", "loss.value"], LearningRules.EstimatorUsesItsOptions),
        new(["kind", "advantage", "reward_kl", "scalarizer"], LearningRules.EstimatorFitsMethod),
        new(["kind", "loss"], LearningRules.LossUsesItsOptions),
        new(["loss.dual_clip", "loss.importance_cap", "loss.cov_low", "loss.cov_high"], LearningRules.LossInItsRange),
        new(["kind", "reward_kl"], LearningRules.RewardKl),
        .. LearningRules.Optimizers.Select(o => new Rule([o.Path], job => LearningRules.Betas(o, job))),
    ];

    /// <summary>Everything that contradicts itself in a job whose single values are right.</summary>
    public static IReadOnlyList<JobFinding> Check(JobSpec job) => Check(job, []);

    /// <summary>The same for a job completed with defaults where it is broken.</summary>
    internal static IReadOnlyList<JobFinding> Check(JobSpec job, IReadOnlyCollection<string> broken) =>
        [.. rules.Where(r => !r.Reads.Any(read => broken.Any(b => JobPath.Overlap(read, b)))).SelectMany(r => r.Check(job))];
}
