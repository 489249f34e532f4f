using System.Text.Json;

namespace Ctwa.Client.Reports.Reading;

/// <summary>One completion of a file of samples/.</summary>
/// <param name="Scores">By name of the objective.</param>
internal sealed record RunSample(int Step, string Prompt, string Response, string? Truth, IReadOnlyDictionary<string, double> Scores, bool Dropped)
{
    private const int LargestFile = 2 * 1024 * 1024;
    private const int MostOfFile = 400;

    /// <summary>The completions of a file; lines that are none are passed over.</summary>
    public static IReadOnlyList<RunSample> ReadFile(string path) =>
        [.. (BoundedText.Head(path, LargestFile, out _) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries).Take(MostOfFile).Select(Parse).OfType<RunSample>()];

    private static RunSample? Parse(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) { return null; }
            string? Text(string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            var scores = new Dictionary<string, double>(StringComparer.Ordinal);
            foreach (var property in root.EnumerateObject())
            {
                if (property.Name.StartsWith("score/", StringComparison.Ordinal) && property.Value.ValueKind == JsonValueKind.Number) { scores[property.Name["score/".Length..]] = property.Value.GetDouble(); }
            }

            return Text("prompt") is { } prompt && Text("response") is { } response && root.TryGetProperty("step", out var step) && step.TryGetInt32(out int number)
                ? new RunSample(number, prompt, response, Text("ground_truth"), scores, root.TryGetProperty("dropped", out var dropped) && dropped.ValueKind == JsonValueKind.True)
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
