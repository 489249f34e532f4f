namespace Ctwa.Training.Specification;

/// <summary>Rules over <c>kind</c> and the sections that belong to it.</summary>
internal static class KindRules
{
    public static IEnumerable<JobFinding> ObjectivesForReinforcementLearning(JobSpec job)
    {
        if (job.Kind == JobKind.Rl && job.Objectives.Count == 0)
        {
            yield return new("objectives", "is empty; reinforcement learning needs at least one, such as {name: accuracy, reward: {kind: math_boxed}}. For supervised fine-tuning alone, set kind: sft.");
        }
    }

    public static IEnumerable<JobFinding> SupervisedOnlyWithSft(JobSpec job)
    {
        if (job is { Kind: JobKind.Rl, Supervised: not null }) { yield return new("supervised", "belongs to kind: sft; before reinforcement learning the same settings are called warm_start."); }
        if (job is { Kind: JobKind.Sft, Supervised: null }) { yield return new("supervised", "is missing; kind: sft needs it, with at least steps."); }
    }

    public static IEnumerable<JobFinding> NoReinforcementLearningInSft(JobSpec job)
    {
        if (job.Kind != JobKind.Sft) { yield break; }
        if (job.WarmStart is not null) { yield return new("warm_start", "belongs to kind: rl; with kind: sft put its settings under supervised."); }
        if (job.Objectives.Count > 0) { yield return new("objectives", $"has {job.Objectives.Count} entries, but kind: sft trains on responses, not on rewards; remove them, or set kind: rl."); }
    }
}
