namespace Ctwa.Training.Specification;

/// <summary>Rules over <c>diagnostics</c>.</summary>
internal static class DiagnosticsRules
{
    private const string Path = "diagnostics.hypervolume_reference";

    public static IEnumerable<JobFinding> ReferencePoint(JobSpec job)
    {
        if (job.Kind != JobKind.Rl || job.Objectives.Count == 0) { yield break; }
        var reference = job.Diagnostics.HypervolumeReference;
        if (reference.List is { } list && list.Count != job.Objectives.Count)
        {
            yield return new(Path, $"has {list.Count} entries for {job.Objectives.Count} objectives ({string.Join(", ", job.Objectives.Select(objective => objective.Name))}); give one per objective or a single number.");
        }
    }
}
