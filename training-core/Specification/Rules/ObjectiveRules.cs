namespace Ctwa.Training.Specification;

/// <summary>Rules over <c>objectives</c>.</summary>
internal static class ObjectiveRules
{
    public static IEnumerable<JobFinding> UniqueNames(JobSpec job)
    {
        // Names become metric names and file names: Accuracy and accuracy would be taken for one another.
        var first = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        for (int i = 0; i < job.Objectives.Count; i++)
        {
            string name = job.Objectives[i].Name;
            if (!first.TryAdd(name, i)) { yield return new($"objectives[{i}].name", $"is '{name}', already the name of objectives[{first[name]}] (case does not count); give each its own."); }
        }
    }

    public static IEnumerable<JobFinding> SomeWeight(JobSpec job)
    {
        if (job.Objectives.Count > 0 && job.Objectives.All(o => o.Weight == 0))
        {
            yield return new("objectives", "has the weight 0 everywhere, so there is nothing to learn from; give at least one objective a weight greater than 0.");
        }
    }

    public static IEnumerable<JobFinding> Timeouts(JobSpec job)
    {
        for (int i = 0; i < job.Objectives.Count; i++)
        {
            if (!ScoringTimeout.TryParse(job.Objectives[i].Timeout, out _)) { yield return new($"objectives[{i}].timeout", $"is '{job.Objectives[i].Timeout}'; accepted are durations such as 500ms, 5s or 2m, greater than 0 and at most 5m."); }
        }
    }

    public static IEnumerable<JobFinding> SubstituteIsUsed(JobSpec job)
    {
        for (int i = 0; i < job.Objectives.Count; i++)
        {
            var objective = job.Objectives[i];
            if (objective.SubstituteScore != 0 && objective.OnFailure != FailurePolicy.Substitute)
            {
                yield return new($"objectives[{i}].substitute_score", FormattableString.Invariant($"is {objective.SubstituteScore}, but has no effect without on_failure: substitute; set that, or remove it."));
            }
        }
    }
}
