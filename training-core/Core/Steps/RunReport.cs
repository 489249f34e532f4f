using System.Text.Json.Nodes;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>The closing comparison of a run: what became of every objective on held-out prompts, and who paid for whom.</summary>
internal static class RunReport
{
    /// <summary>Adds the comparison to a run's summary; names are documented in docs/metrics.md.</summary>
    public static void AddTo(JsonObject summary, IReadOnlyList<ObjectiveSpec> objectives, HeldOutBaseline before, HeldOutResult after, double[] meanCovariance)
    {
        var report = InterferenceReport.Create([.. objectives.Select(objective => objective.Name)], before.Objectives, after.Objectives, meanCovariance);
        summary["held_out_samples"] = after.Samples;
        summary["objectives"] = new JsonArray([.. report.Changes.Select(change => new JsonObject
        {
            ["name"] = change.Name,
            ["before"] = change.Before.Mean,
            ["before_se"] = change.Before.StandardError,
            ["after"] = change.After.Mean,
            ["after_se"] = change.After.StandardError,
            ["verdict"] = change.Verdict.ToString().ToLowerInvariant(),
            ["covariance"] = change.MeanCovariance,
        })]);
        summary["length"] = new JsonObject { ["before"] = before.MeanLength, ["after"] = after.MeanLength };
        var changes = report.Changes.ToDictionary(change => change.Name);
        summary["interference"] = new JsonArray([.. report.Pairs.Select(pair => new JsonObject
        {
            ["payer"] = pair.Payer,
            ["gainer"] = pair.Gainer,
            ["payer_delta"] = changes[pair.Payer].Change,
            ["gainer_delta"] = changes[pair.Gainer].Change,
            ["payer_covariance"] = pair.PayerCovariance,
            ["gainer_covariance"] = pair.GainerCovariance,
            ["text"] = pair.PayerCovariance > 0
                ? "the covariance is positive: the first-order law did not predict this"
                : "the training signal pushed against it",
        })]);
        summary["verdict"] = Verdict(report);
    }

    private static string Verdict(InterferenceReport report)
    {
        string[] Names(ObjectiveVerdict verdict) => [.. report.Changes.Where(change => change.Verdict == verdict).Select(change => change.Name)];
        string[] rose = Names(ObjectiveVerdict.Rose), fell = Names(ObjectiveVerdict.Fell), stalled = Names(ObjectiveVerdict.Stalled);
        if (rose.Length == report.Changes.Count) { return "every objective rose: no interference is visible at the end of this run"; }
        if (rose.Length == 0) { return fell.Length == 0 ? "no objective changed by more than two standard errors" : $"no objective rose; {Join(fell)} fell"; }
        string others = string.Join(" and ", new[] { (fell, "fell"), (stalled, "did not change beyond two standard errors") }.Where(part => part.Item1.Length > 0).Select(part => $"{Join(part.Item1)} {part.Item2}"));
        return $"{Join(rose)} rose while {others}{(report.Pairs.Count > 0 ? ": cross-objective interference" : "")}";
    }

    private static string Join(string[] names) => string.Join(", ", names);
}
