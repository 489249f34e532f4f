namespace Ctwa.Training.Specification;

/// <summary>Rules that several scalarization methods share, for use in <see cref="ScalarizerSpec.Check"/>.</summary>
public static class MethodRules
{
    /// <summary>The method balances objectives against each other, so one is too few.</summary>
    public static IEnumerable<JobFinding> SeveralObjectives(JobSpec job)
    {
        if (job.Objectives.Count == 1) { yield return new("scalarizer", $"is method: {job.Scalarizer.MethodName()}, which balances objectives against each other, but there is only one objective; give at least 2, or use method: linear."); }
    }

    /// <summary>The objectives' weights are proportions in which a weight of 0 has no meaning.</summary>
    /// <param name="why">Completes "is 0; METHOD ...", such as "divides by the preference".</param>
    public static IEnumerable<JobFinding> PositiveWeights(JobSpec job, string why)
    {
        // All zero is another finding.
        if (!job.Objectives.Any(objective => objective.Weight > 0)) { yield break; }
        for (int i = 0; i < job.Objectives.Count; i++)
        {
            if (job.Objectives[i].Weight == 0) { yield return new($"objectives[{i}].weight", $"is 0; {job.Scalarizer.MethodName()} {why}. Give a positive weight, remove the objective, or use method: linear."); }
        }
    }

    /// <summary>A list has one entry per objective; a single number stands for all.</summary>
    /// <param name="key">Key below scalarizer.</param>
    public static IEnumerable<JobFinding> OnePerObjective(JobSpec job, string key, NumberOrList? values)
    {
        if (job.Objectives.Count > 0 && values?.List is { } list && list.Count != job.Objectives.Count)
        {
            yield return new($"scalarizer.{key}", $"has {list.Count} entries for {job.Objectives.Count} objectives ({string.Join(", ", job.Objectives.Select(objective => objective.Name))}); give one per objective or a single number.");
        }
    }

    /// <summary>The method compares the samples of a prompt.</summary>
    public static IEnumerable<JobFinding> SamplesToCompare(JobSpec job)
    {
        if (job.Rollout.SamplesPerPrompt == 1) { yield return new("rollout.samples_per_prompt", $"is 1; {job.Scalarizer.MethodName()} compares the samples of a prompt and needs at least 2."); }
    }

    /// <summary>An option means nothing in this combination.</summary>
    /// <param name="key">Key below scalarizer.</param>
    /// <param name="given">Whether the job gives the option.</param>
    /// <param name="belongsTo">Completes "is used only with ...".</param>
    public static IEnumerable<JobFinding> UsedOnlyWith(string key, bool given, string belongsTo)
    {
        if (given) { yield return new($"scalarizer.{key}", $"is used only with {belongsTo}; set that, or remove it."); }
    }

    /// <summary>In mode reference the method uses weights as they are, and only if their float64 sum, left to right, is exactly 1.</summary>
    public static IEnumerable<JobFinding> ReferenceWeights(JobSpec job)
    {
        double sum = job.Objectives.Aggregate(0.0, (total, objective) => total + objective.Weight);
        if (job.Scalarizer.Mode == MethodMode.Reference && job.Objectives.Count > 0 && sum != 1)
        {
            yield return new("objectives", FormattableString.Invariant($"has weights that sum to {sum:R} in float64; {job.Scalarizer.MethodName()} in mode: reference takes them only if the sum is exactly 1. Change them, such as to 0.5, 0.25 and 0.25, or use mode: corrected, which normalises them."));
        }
    }

    /// <summary>Methods whose <c>mode: reference</c> there is.</summary>
    private const string ReferenceMethods = "ctwa, dynamic, gradnorm, lagrangian, linear, mgda, pama and tchebycheff";

    /// <summary>The reference implementation does not have the method.</summary>
    public static IEnumerable<JobFinding> NoReferenceMode(JobSpec job)
    {
        if (job.Scalarizer.Mode == MethodMode.Reference) { yield return new("scalarizer.mode", $"is reference, but the reference implementation has no {job.Scalarizer.MethodName()}; it has {ReferenceMethods}. Use mode: corrected."); }
    }

    /// <summary>Reference modes measure gradients at every update.</summary>
    public static IEnumerable<JobFinding> ReferenceSolvesEveryUpdate(JobSpec job)
    {
        if (job.Scalarizer is GradientScalarizerSpec { GramEvery: > 1 } spec) { yield return new("scalarizer.gram_every", $"is {spec.GramEvery}, but mode: reference measures gradients at every update; use 1, or mode: corrected."); }
    }

    /// <summary>Weights of at least the floor can sum to 1.</summary>
    public static IEnumerable<JobFinding> FloorFits(JobSpec job, double floor)
    {
        int count = job.Objectives.Count;
        if (count > 1 && floor * count > 1) { yield return new("scalarizer.floor", FormattableString.Invariant($"is {floor}, but {count} objectives with at least that weight each would exceed 1; give at most {Math.Floor(1000.0 / count) / 1000}.")); }
    }
}
