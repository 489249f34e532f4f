using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>The status as JSON. Numbers of a run have the text that its metrics.jsonl has.</summary>
internal static class StatusJson
{
    /// <param name="status">What to write.</param>
    /// <param name="page">Names the page that shows the same: it changes when the page would.</param>
    public static byte[] Write(GridStatus status, string page)
    {
        var buffer = new ArrayBufferWriter<byte>(16 * 1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("cluster", status.Cluster);
            json.WriteString("served_by", status.ServedBy);
            json.WriteString("at", Time(status.At));
            json.WriteString("page", page);
            json.WriteNumber("quota", status.Quota);
            Array(json, "problems", status.Problems, (writer, problem) => writer.WriteStringValue(problem));
            Array(json, "silos", status.Silos, WriteSilo);
            Array(json, "jobs", status.Jobs, WriteJob);
            json.WriteNumber("jobs_hidden", status.JobsHidden);
            Array(json, "faults", status.Faults, WriteFault);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteSilo(Utf8JsonWriter json, SiloOverview silo)
    {
        json.WriteStartObject();
        json.WriteString("address", silo.Address);
        json.WriteString("state", Word(silo.State));
        json.WriteString("role", silo.Computes ? "compute" : "control");
        json.WriteString("device", silo.Device);
        json.WriteNumber("lanes", silo.Lanes);
        json.WriteNumber("memory_bytes", silo.MemoryBytes);
        json.WriteString("started_at", Time(silo.StartedAt));
        json.WriteString("version", silo.Version);
        Array(json, "jobs", silo.Jobs, (writer, job) => writer.WriteStringValue(job));
        json.WriteEndObject();
    }

    private static void WriteJob(Utf8JsonWriter json, JobView job)
    {
        var record = job.Record;
        json.WriteStartObject();
        json.WriteString("id", record.JobId);
        json.WriteString("state", Word(record.State));
        json.WriteNumber("priority", record.Priority);
        json.WriteString("submitted_by", record.SubmittedBy);
        json.WriteString("submitted_at", Time(record.SubmittedAt));
        json.WriteString("started_at", Time(record.StartedAt));
        json.WriteString("ended_at", Time(record.EndedAt));
        json.WriteString("run_directory", record.RunDirectory);
        json.WriteString("stage", record.Position is { } at ? Stage(at) : null);
        Optional(json, "step", record.Position?.Step);
        Optional(json, "steps_total", record.StepsTotal);
        json.WriteNumber("epoch", record.Epoch);
        json.WriteNumber("restarts", record.Restarts);
        if (record.Failure is { } failure)
        {
            json.WriteStartObject("failure");
            json.WriteString("kind", Word(failure.Kind));
            json.WriteString("message", failure.Message);
            json.WriteEndObject();
        }
        else { json.WriteNull("failure"); }

        WriteActivity(json, job.Activity);
        Raw(json, "step_seconds", job.Steps.Count > 0 ? job.Steps[^1].Seconds : null);
        Raw(json, "tokens_per_second", job.Steps.Count > 0 ? job.Steps[^1].TokensPerSecond : null);
        WriteObjectives(json, job);
        Array(json, "interference", job.Interference, WriteInterference);
        json.WriteEndObject();
    }

    private static void WriteActivity(Utf8JsonWriter json, JobActivity? activity)
    {
        if (activity is null)
        {
            json.WriteNull("activity");
            return;
        }

        json.WriteStartObject("activity");
        json.WriteString("phase", activity.Phase);
        json.WriteNumber("seconds", Math.Round(activity.Seconds, 1));
        json.WriteNumber("done", activity.Done);
        json.WriteNumber("parts", activity.Parts);
        json.WriteNumber("member_count", activity.MemberCount);
        Array(json, "members", activity.Members, (writer, member) =>
        {
            writer.WriteStartObject();
            writer.WriteString("silo", member.Silo);
            writer.WriteString("device", member.Device);
            writer.WriteNumber("lanes", member.Lanes);
            writer.WriteNumber("shards", member.Shards);
            writer.WriteNumber("slices", member.Slices);
            writer.WriteEndObject();
        });
        json.WriteEndObject();
    }

    private static void WriteObjectives(Utf8JsonWriter json, JobView job)
    {
        json.WriteStartArray("objectives");
        foreach (var objective in ObjectiveSeries.Of(job.Steps))
        {
            json.WriteStartObject();
            json.WriteString("name", objective.Name);
            Raw(json, "mean", objective.Mean);
            Raw(json, "weight", objective.Weight);
            var points = Sample.Of(objective.Points);
            Array(json, "steps", points, (writer, point) => writer.WriteNumberValue(point.Step));
            Array(json, "means", points, (writer, point) => writer.WriteRawValue(point.Mean.Text));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteInterference(Utf8JsonWriter json, StepNumbers step)
    {
        json.WriteStartObject();
        json.WriteNumber("step", step.Position.Step);
        Raw(json, "events", step.Interference);
        Array(json, "pairs", step.Pairs, (writer, pair) =>
        {
            writer.WriteStartObject();
            writer.WriteString("payer", pair.Payer);
            writer.WriteString("gainer", pair.Gainer);
            writer.WriteEndObject();
        });
        json.WriteEndObject();
    }

    private static void WriteFault(Utf8JsonWriter json, JobFault fault)
    {
        json.WriteStartObject();
        json.WriteString("job", fault.JobId);
        json.WriteString("at", Time(fault.At));
        json.WriteNumber("epoch", fault.Epoch);
        json.WriteString("level", fault.Error ? "error" : "warning");
        json.WriteString("text", fault.Text);
        json.WriteEndObject();
    }

    private static void Array<T>(Utf8JsonWriter json, string name, IEnumerable<T> items, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items) { write(json, item); }
        json.WriteEndArray();
    }

    private static void Raw(Utf8JsonWriter json, string name, MetricNumber? number)
    {
        if (number is not { } value)
        {
            json.WriteNull(name);
            return;
        }

        json.WritePropertyName(name);
        json.WriteRawValue(value.Text);
    }

    private static void Optional(Utf8JsonWriter json, string name, int? number)
    {
        if (number is { } value) { json.WriteNumber(name, value); }
        else { json.WriteNull(name); }
    }

    private static string Stage(JobPosition at) => at.Supervised ? "supervised" : "rl";

    private static string Word<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static string? Time(DateTimeOffset? at) => at?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
