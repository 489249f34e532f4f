using System.Text.Json.Nodes;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Logs;

/// <summary>Prints lines of a log as they come, or as one document in the end.</summary>
internal sealed class LogPrinter(string jobId, bool json, bool follow, JobLogLevel least, TextWriter output)
{
    private readonly JsonArray kept = [];

    /// <summary>Goes on with new lines.</summary>
    public bool Follows => follow;

    public async Task WriteAsync(JobLogLine line)
    {
        if (line.Level < least) { return; }
        if (!json) { await output.WriteLineAsync(LogText.Plain(line)); }
        else if (follow) { await output.WriteLineAsync(JsonText.Line(LogText.Json(line))); }
        else { kept.Add((JsonNode)LogText.Json(line)); }
    }

    public async Task CloseAsync()
    {
        if (json && !follow) { await output.WriteLineAsync(JsonText.Write(new JsonObject { ["job"] = jobId, ["lines"] = kept })); }
    }
}
