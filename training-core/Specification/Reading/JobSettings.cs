using System.Text.Json;

namespace Ctwa.Training.Specification;

/// <summary>A setting that two jobs have differently.</summary>
/// <param name="Key">Its path, such as <c>optimizer.learning_rate</c> or <c>objectives[0].name</c>.</param>
/// <param name="First">The first job's value as JSON; null if it has none.</param>
/// <param name="Second">The second job's.</param>
public sealed record JobDifference(string Key, string? First, string? Second);

/// <summary>A job as a flat list of settings, for comparing jobs.</summary>
public static class JobSettings
{
    /// <summary>Sections and keys of which the supervised stage is a function; it reads no other.</summary>
    private static readonly string[] supervised = ["kind", "seed", "model", "data", "warm_start", "supervised", "grid"];

    /// <summary>Settings that two jobs have differently, in the order of their keys.</summary>
    public static IReadOnlyList<JobDifference> Differences(JobSpec first, JobSpec second) => Differences(JobSpecJson.Serialize(first), JobSpecJson.Serialize(second));

    /// <summary>The same for jobs as JSON, also of builds that had other keys.</summary>
    /// <exception cref="JsonException">A text is not JSON.</exception>
    public static IReadOnlyList<JobDifference> Differences(string first, string second)
    {
        SortedDictionary<string, string> one = Leaves(first), other = Leaves(second);
        return [.. one.Keys.Union(other.Keys).Order(StringComparer.Ordinal)
            .Select(key => new JobDifference(key, one.GetValueOrDefault(key), other.GetValueOrDefault(key)))
            .Where(difference => difference.First != difference.Second)];
    }

    /// <summary>
    /// Whether the weights at the end of a job's supervised stage may depend on a setting. Jobs that are equal in all of
    /// these have the same supervised stage, bit for bit, whatever they do afterwards.
    /// </summary>
    /// <param name="key">Path of the setting.</param>
    public static bool DecidesSupervisedStage(string key) => (DecidesBits(key) && supervised.Contains(SectionOf(key))) || key is "update.max_tokens_per_micro_batch" or "update.recompute_activations" or "update.max_logits" or "update.micro_batch_halvings";

    /// <summary>False for settings that only say how a grid goes about a job, or what else it writes: results are the same whatever they are.</summary>
    /// <param name="key">Path of the setting.</param>
    public static bool DecidesBits(string key) => key is not ("grid.mirror" or "grid.straggler_factor") && SectionOf(key) != "tracking";

    /// <summary>The part of a path before its first dot or bracket: the job's own key.</summary>
    public static string SectionOf(string key) => key.IndexOfAny(['.', '[']) is >= 0 and var end ? key[..end] : key;

    /// <summary>Every leaf of a job by its path, as JSON text.</summary>
    private static SortedDictionary<string, string> Leaves(string json)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        using var document = JsonDocument.Parse(json);
        Add("", document.RootElement);
        return settings;

        void Add(string path, JsonElement value)
        {
            switch (value.ValueKind)
            {
                case JsonValueKind.Object:
                    foreach (var property in value.EnumerateObject()) { Add(path.Length == 0 ? property.Name : $"{path}.{property.Name}", property.Value); }
                    break;
                case JsonValueKind.Array:
                    int index = 0;
                    foreach (var item in value.EnumerateArray()) { Add($"{path}[{index++}]", item); }
                    break;
                default:
                    settings[path] = value.GetRawText();
                    break;
            }
        }
    }
}
