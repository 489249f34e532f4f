using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Output;

/// <summary>Jobs of a grid as a table, and as lines of JSON.</summary>
internal static class JobListText
{
    private static readonly JsonSerializerOptions Lines = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static IEnumerable<string> Table(IReadOnlyList<JobRecord> jobs, int quota)
    {
        if (jobs.Count == 0) { return ["no jobs"]; }
        string[][] rows =
        [
            ["id", "state", "step", "priority", "by", "submitted (UTC)"],
            .. jobs.Select(job => (string[])[job.JobId, State(job), Step(job), job.Priority.ToString(CultureInfo.InvariantCulture), job.SubmittedBy, job.SubmittedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)]),
        ];
        string counts = string.Join(", ", jobs.GroupBy(job => job.State).OrderBy(group => group.Key).Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Count()} {Word(group.Key)}")));
        return [.. TextTable.Align(rows, lastToTheLeft: true), string.Create(CultureInfo.InvariantCulture, $"{counts}; {quota} at a time")];
    }

    /// <summary>One job in one line.</summary>
    public static string Json(JobRecord job) => new JsonObject
    {
        ["id"] = job.JobId,
        ["state"] = Word(job.State),
        ["priority"] = job.Priority,
        ["submitted_by"] = job.SubmittedBy,
        ["submitted_at"] = Time(job.SubmittedAt),
        ["started_at"] = Time(job.StartedAt),
        ["ended_at"] = Time(job.EndedAt),
        ["run_directory"] = job.RunDirectory,
        ["spec_sha256"] = job.SpecSha256,
        ["stage"] = job.Position is { } at ? (at.Supervised ? "supervised" : "rl") : null,
        ["step"] = job.Position?.Step,
        ["steps_total"] = job.StepsTotal,
        ["epoch"] = job.Epoch,
        ["restarts"] = job.Restarts,
        ["silos"] = new JsonArray([.. job.Peers.Select(peer => (JsonNode)peer)]),
        ["failure"] = job.Failure is { } failure ? new JsonObject { ["kind"] = failure.Kind.ToString().ToLowerInvariant(), ["message"] = failure.Message } : null,
    }.ToJsonString(Lines);

    private static string Word(JobState state) => state.ToString().ToLowerInvariant();

    private static string State(JobRecord job) => job is { State: JobState.Failed, Failure: { } failure } ? $"failed ({failure.Kind.ToString().ToLowerInvariant()})" : Word(job.State);

    private static string Step(JobRecord job) => job.Position is not { } at ? "-"
        : string.Create(CultureInfo.InvariantCulture, $"{(at.Supervised ? "supervised " : "")}{at.Step}{(job.StepsTotal is { } total ? $"/{total}" : "")}");

    private static string? Time(DateTimeOffset? at) => at?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
