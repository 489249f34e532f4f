using System.Text.Json.Serialization;
using Parquet;
using Parquet.Serialization;

namespace Ctwa.Training.Tests.Datasets;

/// <summary>Small parquet files, written by Parquet.Net: a writer that knows nothing of the reader under test.</summary>
internal static class ParquetVariants
{
    public sealed class Turn
    {
        [JsonPropertyName("role")] public string? Role { get; set; }

        [JsonPropertyName("content")] public string? Content { get; set; }
    }

    public sealed class Verdict
    {
        [JsonPropertyName("style")] public string? Style { get; set; }

        [JsonPropertyName("ground_truth")] public string? GroundTruth { get; set; }
    }

    public sealed class Extra
    {
        [JsonPropertyName("index")] public long Index { get; set; }

        [JsonPropertyName("share")] public double? Share { get; set; }

        [JsonPropertyName("tags")] public List<string>? Tags { get; set; }
    }

    public sealed class Row
    {
        [JsonPropertyName("id")] public int Id { get; set; }

        [JsonPropertyName("question")] public string? Question { get; set; }

        [JsonPropertyName("prompt")] public List<Turn>? Prompt { get; set; }

        [JsonPropertyName("reward_model")] public Verdict? RewardModel { get; set; }

        [JsonPropertyName("extra_info")] public Extra? ExtraInfo { get; set; }

        [JsonPropertyName("source")] public string? Source { get; set; }
    }

    /// <summary>Row i of every variant.</summary>
    public static Row At(int i) => new()
    {
        Id = i,
        Question = $"Was ist {i} + 日本 𝑓?",
        Prompt = [.. i % 3 == 0 ? [new Turn { Role = "system", Content = "Be brief." }] : Array.Empty<Turn>(), new Turn { Role = "user", Content = $"question {i}" }, .. i % 4 == 0 ? [new Turn { Role = "assistant", Content = "?" }, new Turn { Role = "user", Content = $"again {i}" }] : Array.Empty<Turn>()],
        RewardModel = new Verdict { Style = i % 2 == 0 ? "rule" : null, GroundTruth = $"\\frac{{{i}}}{{2}}" },
        ExtraInfo = new Extra { Index = i * 1_000_000_007L, Share = i % 5 == 0 ? null : i / 4.0, Tags = i % 7 == 0 ? null : [.. Enumerable.Range(0, i % 4).Select(k => $"t{k}")] },
        Source = i % 2 == 0 ? "math" : "gsm",
    };

    /// <summary>What a job gets of row i's conversation.</summary>
    public static string PromptOf(int i) => i % 4 == 0 ? $"again {i}" : $"question {i}";

    public static byte[] Write(int rows, CompressionMethod compression, int rowGroup = 1_000_000, Action<ParquetOptions>? change = null) => Write(Enumerable.Range(0, rows).Select(At), compression, rowGroup, change);

    public static byte[] Write<T>(IEnumerable<T> rows, CompressionMethod compression = CompressionMethod.Snappy, int rowGroup = 1_000_000, Action<ParquetOptions>? change = null)
    {
        var options = new ParquetOptions { CompressionMethod = compression, RowGroupSize = rowGroup };
        change?.Invoke(options);
        using var stream = new MemoryStream();
        ParquetSerializer.SerializeAsync(rows, stream, options).GetAwaiter().GetResult();
        return stream.ToArray();
    }
}
