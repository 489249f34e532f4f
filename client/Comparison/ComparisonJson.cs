using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ctwa.Client.Comparison;

/// <summary>A comparison as JSON, for other programs. A number that is not known is null.</summary>
internal static class ComparisonJson
{
    private static readonly JsonSerializerOptions indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(ComparisonReport report) => new JsonObject
    {
        ["version"] = 1,
        ["command"] = report.Command,
        ["date"] = report.Date,
        ["machine"] = report.Machine,
        ["budget"] = report.Budget,
        ["parallel"] = report.Parallel,
        ["seeds"] = new JsonArray([.. report.Seeds.Select(seed => JsonValue.Create(seed))]),
        ["objectives"] = Texts(report.Objectives),
        ["differences"] = Texts(report.Differences),
        ["complete"] = report.IsComplete,
        ["methods"] = new JsonArray([.. report.Jobs.Select(job => Job(job, report.Objectives))]),
        ["runs"] = new JsonArray([.. report.Jobs.SelectMany(job => job.Runs.Select(run => Run(job, run)))]),
    }.ToJsonString(indented) + "\n";

    private static JsonObject Job(JobResult job, IReadOnlyList<string> objectives) => new()
    {
        ["label"] = job.Label,
        ["method"] = job.Method,
        ["runs"] = job.Runs.Count,
        ["finished"] = job.Finished,
        ["objectives"] = new JsonObject(objectives.Select(job.Objective).Select(objective => KeyValuePair.Create(objective.Name, (JsonNode?)new JsonObject { ["before"] = Of(objective.Before), ["after"] = Of(objective.After) }))),
        ["worst_objective_gain"] = Of(job.WorstGain),
        ["hypervolume"] = new JsonObject { ["before"] = Of(job.HypervolumeBefore), ["after"] = Of(job.Hypervolume) },
        ["interference_rate"] = Of(job.InterferenceRate),
        ["length_after"] = Of(job.LengthAfter),
        ["cost"] = new JsonObject { ["forward_passes"] = Of(job.ForwardPasses), ["backward_passes"] = Of(job.BackwardPasses) },
        ["seconds"] = Of(job.Seconds),
    };

    private static JsonObject Run(JobResult job, RunResult run) => new()
    {
        ["label"] = job.Label,
        ["method"] = job.Method,
        ["seed"] = run.Run.Seed,
        ["run_directory"] = run.Run.Folder,
        ["exit_code"] = run.ExitCode,
        ["error"] = run.Error,
        ["reused"] = run.Reused,
        ["objectives"] = run.Measures is { } measures ? new JsonObject(measures.Objectives.Select(objective => KeyValuePair.Create(objective.Name, (JsonNode?)new JsonObject
        {
            ["before"] = objective.Before,
            ["before_se"] = objective.BeforeSe,
            ["after"] = objective.After,
            ["after_se"] = objective.AfterSe,
            ["verdict"] = objective.Verdict,
        }))) : null,
        ["worst_objective_gain"] = run.Measures?.WorstGain,
        ["hypervolume"] = new JsonObject { ["before"] = run.Measures?.Hypervolume?.Before, ["after"] = run.Measures?.Hypervolume?.After },
        ["interference_rate"] = run.Measures?.InterferenceRate,
        ["length"] = new JsonObject { ["before"] = run.Measures?.Length?.Before, ["after"] = run.Measures?.Length?.After },
        ["cost"] = new JsonObject { ["forward_passes"] = run.Measures?.Cost?.ForwardPasses, ["backward_passes"] = run.Measures?.Cost?.BackwardPasses },
        ["seconds"] = run.Measures?.Seconds,
        ["model_sha256"] = run.Measures?.ModelSha256,
    };

    private static JsonObject? Of(Spread? spread) => spread is null ? null : new JsonObject { ["mean"] = spread.Mean, ["sd"] = spread.Deviation, ["n"] = spread.Count };

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => JsonValue.Create(text))]);
}
