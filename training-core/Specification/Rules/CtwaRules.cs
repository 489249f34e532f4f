namespace Ctwa.Training.Specification;

/// <summary>Rules over <c>scalarizer</c> with <c>method: ctwa</c>.</summary>
internal static class CtwaRules
{
    public static IEnumerable<JobFinding> SeveralObjectives(JobSpec job)
    {
        if (Of(job) is not null && job.Objectives.Count == 1) { yield return new("scalarizer", "is method: ctwa, which balances objectives against each other, but there is only one objective; give at least 2, or use method: linear."); }
    }

    public static IEnumerable<JobFinding> OneTargetPerObjective(JobSpec job)
    {
        if (Of(job) is not { } ctwa || job.Objectives.Count == 0) { yield break; }
        foreach (var (key, list) in ((string, IReadOnlyList<double>?)[])[("targets", ctwa.Targets?.List), ("objective_targets", ctwa.ObjectiveTargets?.List)])
        {
            if (list is null || list.Count == job.Objectives.Count) { continue; }
            yield return new($"scalarizer.{key}", $"has {list.Count} entries for {job.Objectives.Count} objectives ({string.Join(", ", job.Objectives.Select(o => o.Name))}); give one per objective or a single number.");
        }
    }

    public static IEnumerable<JobFinding> TargetsAreCorrelations(JobSpec job)
    {
        if (Of(job) is not { Targets: { } targets } ctwa || (ctwa.Mode == MethodMode.Reference && !ctwa.UseCorrelation)) { yield break; }
        var values = targets.List ?? [targets.Single!.Value];
        for (int i = 0; i < values.Count; i++)
        {
            if (values[i] is < -1 or > 1) { yield return new(targets.List is null ? "scalarizer.targets" : $"scalarizer.targets[{i}]", FormattableString.Invariant($"is {values[i]}; here targets are correlations, from -1 to 1. Covariances belong to mode: reference.")); }
        }
    }

    public static IEnumerable<JobFinding> TargetsWhereNeeded(JobSpec job)
    {
        if (Of(job) is not { Targets: null } ctwa) { yield break; }
        if (ctwa.Mode == MethodMode.Reference) { yield return new("scalarizer", "has mode: reference without targets; give targets, such as [0.15, 0.08, 0.08], or use mode: corrected, which needs none."); }
        else if (ctwa.ObjectiveTargets is not null) { yield return new("scalarizer.objective_targets", "is used only together with targets; add targets or remove it."); }
    }

    public static IEnumerable<JobFinding> FloorFits(JobSpec job)
    {
        int count = job.Objectives.Count;
        if (Of(job) is { } ctwa && count > 1 && ctwa.Floor * count > 1)
        {
            yield return new("scalarizer.floor", FormattableString.Invariant($"is {ctwa.Floor}, but {count} objectives with at least that weight each would exceed 1; give at most {Math.Floor(1000.0 / count) / 1000}."));
        }
    }

    public static IEnumerable<JobFinding> PositiveStartingWeights(JobSpec job)
    {
        for (int i = 0; Of(job) is not null && i < job.Objectives.Count; i++)
        {
            // All zero is another finding.
            if (job.Objectives[i].Weight == 0 && job.Objectives.Any(o => o.Weight > 0)) { yield return new($"objectives[{i}].weight", "is 0; ctwa multiplies weights step by step, and 0 would stay 0. Give a small starting weight, or use method: linear."); }
        }
    }

    public static IEnumerable<JobFinding> SamplesToCompare(JobSpec job)
    {
        if (Of(job) is not null && job.Rollout.SamplesPerPrompt == 1) { yield return new("rollout.samples_per_prompt", "is 1; ctwa measures covariances between the samples of a prompt and needs at least 2."); }
    }

    private static CtwaScalarizerSpec? Of(JobSpec job) => job.Kind == JobKind.Rl ? job.Scalarizer as CtwaScalarizerSpec : null;
}
