using System.Text.Json;

namespace Ctwa.Client.Output;

/// <summary>One line of metrics.jsonl. The names are those of docs/metrics.md; what is missing or not a number is null.</summary>
internal sealed class JobMetrics
{
    private readonly Dictionary<string, double> numbers = new(StringComparer.Ordinal);

    private JobMetrics(JsonElement root)
    {
        foreach (var property in root.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Number && property.Value.TryGetDouble(out double number)) { numbers[property.Name] = number; }
        }

        Stage = root.TryGetProperty("stage", out var stage) && stage.ValueKind == JsonValueKind.String ? stage.GetString()! : "rl";
        Objectives = [.. root.EnumerateObject()
            .Select(p => p.Name.Split('/'))
            .Where(parts => parts is ["objective", _, "mean"] or ["validation", _, "mean"])
            .Select(parts => parts[1])
            .Distinct()];
        Interference = [.. root.EnumerateObject().Select(p => p.Name.Split('/')).Where(parts => parts is ["interference", "pair", _, _]).Select(parts => (parts[2], parts[3]))];
    }

    /// <summary><c>rl</c> or <c>supervised</c>.</summary>
    public string Stage { get; }

    public bool IsSupervised => Stage == "supervised";

    /// <summary>Names of objectives with a mean, in the order of the line.</summary>
    public IReadOnlyList<string> Objectives { get; }

    /// <summary>Objectives that fell in the step while its signal rose, each with the one that gained most.</summary>
    public IReadOnlyList<(string Loser, string Winner)> Interference { get; }

    public int Step => (int)(this["step"] ?? 0);

    /// <summary>Steps of this stage; null if the line does not say.</summary>
    public int? StepsTotal => (int?)this["steps_total"];

    public double? this[string name] => numbers.TryGetValue(name, out double number) ? number : null;

    /// <returns>Null if the text is not a JSON object: a line that cannot be shown is no reason to stop watching.</returns>
    public static JobMetrics? Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object ? new JobMetrics(document.RootElement) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
