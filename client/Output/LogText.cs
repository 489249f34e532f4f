using System.Globalization;
using System.Text.Json.Nodes;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Output;

/// <summary>Lines of a job's log as text and as JSON.</summary>
internal static class LogText
{
    /// <summary>One entry; further lines of its text are indented.</summary>
    public static string Plain(JobLogLine line) =>
        $"{line.At.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)}  {JsonText.Word(line.Level),-7}  {line.Text.ReplaceLineEndings("\n" + new string(' ', 30))}";

    public static JsonObject Json(JobLogLine line) => new()
    {
        ["time"] = line.At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture),
        ["epoch"] = line.Epoch,
        ["level"] = JsonText.Word(line.Level),
        ["text"] = line.Text,
    };
}
