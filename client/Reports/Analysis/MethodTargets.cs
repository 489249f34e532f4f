using Ctwa.Client.Reports.Reading;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Reports.Analysis;

/// <summary>What a job's method aims at, for the lines that charts draw.</summary>
internal static class MethodTargets
{
    private static readonly TargetData none = new(null, null, null, null);

    public static TargetData Of(RunRecord run, IReadOnlyList<string> objectives)
    {
        if (run.Job is not { Kind: JobKind.Rl } job) { return none; }
        try
        {
            double?[]? Ordered(double[]? values) => values is null ? null : [.. objectives.Select(name => (double?)values[Place(job, name)])];
            return job.Scalarizer switch
            {
                CtwaScalarizerSpec ctwa => new TargetData(
                    Ordered(ctwa.Targets?.Expand(job.Objectives.Count)),
                    ctwa.Targets is null ? "correlation_balanced" : ctwa.Mode == MethodMode.Corrected || ctwa.UseCorrelation ? "correlation_ema" : "covariance_ema",
                    Ordered(ctwa.ObjectiveTargets?.Expand(job.Objectives.Count)), "gate of ctwa: above it the weight no longer rises"),
                LagrangianScalarizerSpec { Constraints: { } constraints } lagrangian => new TargetData(null, null, Constrained(job, lagrangian, constraints, objectives), "constraint of lagrangian"),
                _ => none,
            };
        }
        catch (ArgumentException)
        {
            // A job that no longer fits its own rules is shown without lines.
            return none;
        }
    }

    private static double?[] Constrained(JobSpec job, LagrangianScalarizerSpec method, NumberOrList constraints, IReadOnlyList<string> objectives)
    {
        string primary = method.Primary ?? job.Objectives[0].Name;
        string[] constrained = [.. job.Objectives.Select(objective => objective.Name).Where(name => name != primary)];
        double[] values = constraints.Expand(constrained.Length);
        return [.. objectives.Select(name => Array.IndexOf(constrained, name) is >= 0 and var place ? values[place] : (double?)null)];
    }

    private static int Place(JobSpec job, string name) => job.Objectives.Index().FirstOrDefault(one => one.Item.Name == name, (Index: -1, Item: job.Objectives[0])).Index is >= 0 and var place ? place : throw new ArgumentException($"{name} is no objective of the job.", nameof(name));
}
