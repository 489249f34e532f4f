using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Ctwa.TestKit.Processes;

/// <summary>A run directory as another program sees it.</summary>
public sealed class RunFolder(string path)
{
    public string FullPath { get; } = path;

    public bool IsResumable => File.Exists(Path.Combine(FullPath, "job.yaml"));

    /// <summary>Checkpoints with their final names, those of the supervised stage first, then by step.</summary>
    public IReadOnlyList<string> Checkpoints =>
        Directory.Exists(Path.Combine(FullPath, "checkpoints"))
            ? [.. Directory.GetDirectories(Path.Combine(FullPath, "checkpoints"), "s*").OrderByDescending(folder => Path.GetFileName(folder).StartsWith("supervised", StringComparison.Ordinal)).ThenBy(folder => folder, StringComparer.Ordinal)]
            : [];

    public string LastCheckpoint => Checkpoints is [.., var last] ? last : throw new InvalidOperationException($"{FullPath} holds no checkpoint.");

    /// <summary>SHA-256 of the last checkpoint's weights.</summary>
    public string ModelHash => Hash(new[] { "model.safetensors", "adapter_model.safetensors" }.Select(name => Path.Combine(LastCheckpoint, name)).First(File.Exists));

    /// <summary>The method's memory in the last checkpoint, as JSON.</summary>
    public string ScalarizerState => JsonNode.Parse(File.ReadAllText(Path.Combine(LastCheckpoint, "state.json")))!["scalarizer"]!.ToJsonString();

    /// <summary>Lines of metrics.jsonl without what a clock wrote: equal for equal histories.</summary>
    public IReadOnlyList<string> History
    {
        get
        {
            var lines = new List<string>();
            foreach (string line in File.ReadLines(Path.Combine(FullPath, "metrics.jsonl")))
            {
                var values = JsonNode.Parse(line)!.AsObject();
                foreach (string key in values.Select(entry => entry.Key).Where(key => key.StartsWith("time/", StringComparison.Ordinal) || key.StartsWith("throughput/", StringComparison.Ordinal)).ToArray()) { values.Remove(key); }
                lines.Add(values.ToJsonString());
            }

            return lines;
        }
    }

    /// <summary>Stage and step of every line of metrics.jsonl, such as <c>rl 3</c>.</summary>
    public IReadOnlyList<string> Steps =>
        [.. History.Select(line => JsonNode.Parse(line)!).Select(line => string.Create(CultureInfo.InvariantCulture, $"{line["stage"]} {line["step"]}"))];

    public static string Hash(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
