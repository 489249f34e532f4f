namespace Ctwa.Training.Specification;

/// <summary>Rules over <c>rollout</c> and <c>update</c>.</summary>
internal static class RolloutRules
{
    /// <summary>Most completions of one step or one validation: indices of completions stay far from 2^31.</summary>
    private const long MaxCompletions = 1 << 24;

    public static IEnumerable<JobFinding> FullSupport(JobSpec job)
    {
        if (job.Kind != JobKind.Rl) { yield break; }
        const string why = "training samples from the full vocabulary, because a token that truncation excludes at sampling time would have another probability at scoring time and bias the policy gradient. Use temperature instead.";
        if (job.Rollout.TopK != 0) { yield return new("rollout.top_k", $"is {job.Rollout.TopK}; accepted is 0: {why}"); }
        if (job.Rollout.TopP != 1) { yield return new("rollout.top_p", FormattableString.Invariant($"is {job.Rollout.TopP}; accepted is 1: {why}")); }
    }

    public static IEnumerable<JobFinding> CompletionsInBounds(JobSpec job)
    {
        if (job.Kind != JobKind.Rl) { yield break; }
        long step = (long)job.Rollout.PromptsPerStep * job.Rollout.SamplesPerPrompt, validation = (long)job.Schedule.ValidationPrompts * job.Schedule.ValidationSamples;
        if (step > MaxCompletions) { yield return new("rollout.prompts_per_step", $"is {job.Rollout.PromptsPerStep}; times samples_per_prompt {job.Rollout.SamplesPerPrompt} that is {step} completions per step, of at most {MaxCompletions}."); }
        if (job.Schedule.ValidateEvery > 0 && validation > MaxCompletions) { yield return new("schedule.validation_prompts", $"is {job.Schedule.ValidationPrompts}; times validation_samples {job.Schedule.ValidationSamples} that is {validation} completions, of at most {MaxCompletions}."); }
    }

    public static IEnumerable<JobFinding> UpdatesDivideTheStep(JobSpec job)
    {
        if (job.Kind == JobKind.Rl && job.Update.PromptsPerUpdate is { } part && job.Rollout.PromptsPerStep % part != 0)
        {
            yield return new("update.prompts_per_update", $"is {part}, no divisor of rollout.prompts_per_step {job.Rollout.PromptsPerStep}; every update of a step must have the same number of prompts.");
        }
    }
}
