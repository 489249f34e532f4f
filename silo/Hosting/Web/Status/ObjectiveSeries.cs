namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>One objective over the last steps.</summary>
/// <param name="Name">As in the job.</param>
/// <param name="Mean">Latest mean score.</param>
/// <param name="Weight">Latest weight; null: the method has none in that step.</param>
/// <param name="Points">Step and mean score, oldest first.</param>
internal sealed record ObjectiveSeries(string Name, MetricNumber Mean, MetricNumber? Weight, IReadOnlyList<(int Step, MetricNumber Mean)> Points)
{
    /// <summary>The objectives of the newest step that has scores.</summary>
    public static IEnumerable<ObjectiveSeries> Of(IReadOnlyList<StepNumbers> steps)
    {
        if (steps.LastOrDefault(step => step.Means.Count > 0) is not { } latest) { yield break; }
        foreach (var (name, mean) in latest.Means)
        {
            MetricNumber? weight = latest.Weights.TryGetValue(name, out var known) ? known : null;
            yield return new ObjectiveSeries(name, mean, weight, [.. steps.Where(step => step.Means.ContainsKey(name)).Select(step => (step.Position.Step, step.Means[name]))]);
        }
    }
}
