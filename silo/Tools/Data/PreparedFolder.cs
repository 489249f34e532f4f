using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Ctwa.Training.Datasets;
using Ctwa.Training.Runs;
using Parquet;
using Parquet.Serialization;

namespace Ctwa.Silo.Tools.Data;

/// <summary>Writes a prepared data set: its parts, a README and, last, a manifest, so that a folder with a manifest is complete.</summary>
internal static class PreparedFolder
{
    private const string Manifest = "manifest.json", Readme = "README.md";
    private static readonly string[] s_parts = ["train", "validation", "test"];
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions s_line = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private sealed class Row
    {
        [JsonPropertyName("prompt")] public string? Prompt { get; set; }

        [JsonPropertyName("answer")] public string? Answer { get; set; }

        [JsonPropertyName("source_file")] public string? SourceFile { get; set; }

        [JsonPropertyName("source_row")] public long SourceRow { get; set; }
    }

    /// <exception cref="DatasetException">A file that would be written exists, and <c>--force</c> was not given.</exception>
    public static void CheckFree(PrepareOptions options)
    {
        if (File.Exists(options.Out)) { throw new DatasetException($"--out is '{options.Out}', a file; give a folder."); }
        // Files of the other format too: a stale train.jsonl beside a new train.parquet would be trained on by mistake.
        var there = s_parts.SelectMany(part => new[] { part + ".jsonl", part + ".parquet" }).Append(Manifest).Append(Readme).Where(name => File.Exists(Path.Combine(options.Out, name))).ToList();
        if (there.Count > 0 && !options.Force) { throw new DatasetException($"'{options.Out}' already holds {string.Join(", ", there)}; give --force to overwrite, or another --out."); }
    }

    /// <summary>Writes everything; returns lines for the user.</summary>
    /// <exception cref="IOException">The folder cannot be written; what is there has no manifest.</exception>
    public static IReadOnlyList<string> Write(PrepareOptions options, PreparedData data)
    {
        Directory.CreateDirectory(options.Out);
        foreach (string stale in s_parts.SelectMany(part => new[] { part + ".jsonl", part + ".parquet" }).Append(Manifest)) { File.Delete(Path.Combine(options.Out, stale)); }
        var lines = new List<string>();
        var files = new JsonArray();
        foreach (var (name, rows) in data.Parts)
        {
            string file = $"{name}.{options.Format}";
            byte[] content = options.Format == "parquet" ? ToParquet(rows) : ToJsonl(rows);
            AtomicFile.Write(Path.Combine(options.Out, file), content, durable: true);
            files.Add(new JsonObject { ["file"] = file, ["rows"] = rows.Count, ["bytes"] = content.Length, ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(content)) });
            lines.Add(FormattableString.Invariant($"{Path.Combine(options.Out, file)}  {rows.Count} rows"));
        }

        AtomicFile.Write(Path.Combine(options.Out, Readme), Encoding.UTF8.GetBytes(ReadmeText(options, data)), durable: true);
        var manifest = new JsonObject
        {
            ["dataset"] = data.Name,
            ["split"] = data.Split,
            ["seed"] = options.Seed,
            ["instruction"] = options.Instruction,
            ["sources"] = new JsonArray([.. data.Sources.Select(Source)]),
            ["files"] = files,
        };
        AtomicFile.Write(Path.Combine(options.Out, Manifest), Encoding.UTF8.GetBytes(manifest.ToJsonString(s_json) + "\n"), durable: true);
        return lines;
    }

    private static JsonNode Source(string path)
    {
        using var stream = DataFile.Open(path);
        return new JsonObject { ["file"] = Path.GetFullPath(path), ["bytes"] = stream.Length, ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(stream)) };
    }

    private static byte[] ToJsonl(IReadOnlyList<PreparedRow> rows)
    {
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            text.Append(JsonSerializer.Serialize(Of(row), s_line)).Append('\n');
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static byte[] ToParquet(IReadOnlyList<PreparedRow> rows)
    {
        using var stream = new MemoryStream();
        ParquetSerializer.SerializeAsync(rows.Select(Of), stream, new ParquetOptions { CompressionMethod = CompressionMethod.Snappy }).GetAwaiter().GetResult();
        return stream.ToArray();
    }

    private static Row Of(PreparedRow row) => new() { Prompt = row.Prompt, Answer = row.Answer, SourceFile = row.SourceFile, SourceRow = row.SourceRow };

    private static string ReadmeText(PrepareOptions options, PreparedData data)
    {
        string Path(string part) => $"{options.Out.TrimEnd('/')}/{part}.{options.Format}";
        return $$"""
            # {{data.Name}}, prepared by `ctwa data prepare`
            Split: {{data.Split}}, seed {{options.Seed}}. Rows: {{string.Join(", ", data.Parts.Select(part => FormattableString.Invariant($"{part.Name} {part.Rows.Count}")))}}.
            Columns: `prompt` (the problem{{(options.Instruction.Length > 0 ? " and the instruction" : "")}}), `answer` (ground truth), `source_file` and `source_row` (where the row comes from).
            `manifest.json` has the SHA-256 of every file, of the sources too. In a job:

            ```yaml
            data:
              train: { path: {{Path("train")}} }
              validation: { path: {{Path("validation")}} }
              test: { path: {{Path("test")}} }
            objectives:
              - { name: accuracy, reward: { kind: {{data.Reward}} } }
            ```

            """;
    }
}
