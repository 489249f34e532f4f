using System.Globalization;
using System.Text.Json.Nodes;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Output;

/// <summary>Jobs of a grid as a table and as JSON; one job in full.</summary>
internal static class JobListText
{
    public static IEnumerable<string> Table(IReadOnlyList<JobRecord> jobs, int quota)
    {
        if (jobs.Count == 0) { return ["no jobs"]; }
        string[][] rows =
        [
            ["id", "state", "step", "priority", "by", "submitted (UTC)"],
            .. jobs.Select(job => (string[])[job.JobId, State(job), Step(job), job.Priority.ToString(CultureInfo.InvariantCulture), job.SubmittedBy, Time(job.SubmittedAt)]),
        ];
        string counts = string.Join(", ", jobs.GroupBy(job => job.State).OrderBy(group => group.Key).Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Count()} {JsonText.Word(group.Key)}")));
        return [.. TextTable.Align(rows, lastToTheLeft: true), string.Create(CultureInfo.InvariantCulture, $"{counts}; {quota} at a time")];
    }

    /// <summary>Everything that the grid remembers of a job.</summary>
    public static IEnumerable<string> Details(JobRecord job)
    {
        (string Title, string? Value)[] rows =
        [
            ("job", job.JobId), ("state", State(job)), ("step", Step(job)), ("priority", job.Priority.ToString(CultureInfo.InvariantCulture)), ("by", job.SubmittedBy),
            ("submitted", Time(job.SubmittedAt) + " UTC"), ("started", job.StartedAt is { } started ? Time(started) + " UTC" : null), ("ended", job.EndedAt is { } ended ? Time(ended) + " UTC" : null),
            ("run", job.RunDirectory), ("silos", job.Peers.IsDefaultOrEmpty ? null : string.Join(", ", job.Peers)),
            ("restarts", job.Restarts > 0 ? job.Restarts.ToString(CultureInfo.InvariantCulture) : null), ("spec sha256", job.SpecSha256),
        ];
        foreach (var (title, value) in rows.Where(row => row.Value is not null)) { yield return $"{title,-11}  {TerminalText.Line(value!)}"; }
        if (job.Failure is not { } failure) { yield break; }
        yield return $"{(job.HasEnded ? "failure" : "last start"),-11}  {failure.Message.ReplaceLineEndings("\n             ")}";
    }

    /// <summary>One job.</summary>
    public static JsonObject Json(JobRecord job) => new()
    {
        ["id"] = job.JobId,
        ["state"] = JsonText.Word(job.State),
        ["priority"] = job.Priority,
        ["submitted_by"] = job.SubmittedBy,
        ["submitted_at"] = JsonText.Time(job.SubmittedAt),
        ["started_at"] = JsonText.Time(job.StartedAt),
        ["ended_at"] = JsonText.Time(job.EndedAt),
        ["run_directory"] = job.RunDirectory,
        ["spec_sha256"] = job.SpecSha256,
        ["stage"] = job.Position is { } at ? (at.Supervised ? "supervised" : "rl") : null,
        ["step"] = job.Position?.Step,
        ["steps_total"] = job.StepsTotal,
        ["epoch"] = job.Epoch,
        ["restarts"] = job.Restarts,
        ["silos"] = new JsonArray([.. (job.Peers.IsDefault ? [] : job.Peers).Select(peer => (JsonNode)peer)]),
        ["failure"] = job.Failure is { } failure ? new JsonObject { ["kind"] = JsonText.Word(failure.Kind), ["message"] = failure.Message } : null,
    };

    /// <summary>All jobs.</summary>
    public static JsonObject Json(IEnumerable<JobRecord> jobs, int quota) => new() { ["jobs"] = new JsonArray([.. jobs.Select(job => (JsonNode)Json(job))]), ["quota"] = quota };

    /// <summary>State with the reason of a failure, such as <c>failed (reward)</c>.</summary>
    public static string State(JobRecord job) => job is { State: JobState.Failed, Failure: { } failure } ? $"failed ({JsonText.Word(failure.Kind)})" : JsonText.Word(job.State);

    public static string Step(JobRecord job) => job.Position is not { } at ? "-"
        : string.Create(CultureInfo.InvariantCulture, $"{(at.Supervised ? "supervised " : "")}{at.Step}{(job.StepsTotal is { } total ? $"/{total}" : "")}");

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
