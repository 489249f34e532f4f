using System.Text.Json;

namespace Ctwa.Client.Reports.Reading;

/// <summary>One line of faults.jsonl: what happened to a run besides its steps.</summary>
/// <param name="Time">UTC.</param>
/// <param name="RedoSteps">Committed steps that were done again.</param>
internal sealed record RunFault(string? Time, string Kind, string? Host, string? Stage, int? Step, int? RedoSteps, long? Epoch, string? Message)
{
    private const int LargestFile = 4 * 1024 * 1024;
    private const int LongestText = 700;

    /// <summary>Reads the record of a run.</summary>
    /// <returns>Null: the run has none, since it began before there were such records.</returns>
    public static IReadOnlyList<RunFault>? Read(string folder) =>
        BoundedText.Head(Path.Combine(folder, "faults.jsonl"), LargestFile, out _) is { } text ? [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Parse).OfType<RunFault>()] : null;

    private static RunFault? Parse(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            string? Text(string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? BoundedText.Shorten(value.GetString()!, LongestText) : null;
            long? Number(string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? number : null;
            return root.ValueKind == JsonValueKind.Object && Text("kind") is { } kind
                ? new RunFault(Text("time"), kind, Text("host"), Text("stage"), (int?)Number("step"), (int?)Number("redo_steps"), Number("epoch"), Text("message"))
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // A line that a crash cut short; the record is only for people.
            return null;
        }
    }
}
