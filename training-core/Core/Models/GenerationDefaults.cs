using System.Text.Json;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Models;

/// <summary>What a model's generation_config.json proposes. Penalties and everything else in it are not read.</summary>
/// <param name="Temperature">0 where the file asks for no sampling.</param>
/// <param name="TopK">0: all tokens.</param>
/// <param name="TopP">1: all tokens.</param>
/// <param name="StopTokens">Empty: config.json decides.</param>
public sealed record GenerationDefaults(double Temperature, int TopK, double TopP, IReadOnlyList<int> StopTokens)
{
    /// <summary>Longest generation_config.json in bytes.</summary>
    private const int MaxBytes = 1 << 20;

    /// <summary>Those of a model without the file: from the whole distribution.</summary>
    public static GenerationDefaults None { get; } = new(1, 0, 1, []);

    /// <exception cref="InvalidDataException">The file is no JSON object or a value has no meaning.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal static GenerationDefaults Read(string folder, int vocabularySize)
    {
        string path = Path.Combine(folder, GenerationConfig.FileName);
        if (!File.Exists(path)) { return None; }
        if (new FileInfo(path).Length > MaxBytes) { throw new InvalidDataException($"{path} is longer than {MaxBytes} bytes; it holds settings only."); }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 32 });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) { throw new InvalidDataException($"{path} holds no JSON object."); }
            bool samples = !root.TryGetProperty("do_sample", out var sample) || sample.ValueKind != JsonValueKind.False;
            return new GenerationDefaults(
                samples ? Number(root, "temperature", 0, 100, 1, path) : 0,
                (int)Number(root, "top_k", 0, 1 << 24, 0, path),
                Number(root, "top_p", 0, 1, 1, path),
                Stops(path, vocabularySize));
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}({e.LineNumber + 1},{e.BytePositionInLine + 1}): not valid JSON; mend the file or remove it.", e);
        }
    }

    private static double Number(JsonElement root, string key, double min, double max, double absent, string path)
    {
        if (!root.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null) { return absent; }
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= min && number <= max) { return number; }
        throw new InvalidDataException(FormattableString.Invariant($"{path}: {key} is {Show(value)}; expected is a number from {min} to {max}."));
    }

    private static int[] Stops(string path, int vocabularySize) =>
        [.. GenerationConfig.Read(path).EosTokenIds.Select(id => id < vocabularySize ? id : throw new InvalidDataException($"{path} has the eos_token_id {id}, but vocab_size is {vocabularySize}; ids lie below it."))];

    private static string Show(JsonElement value) => value.GetRawText() is { Length: > 100 } raw ? raw[..100] + "..." : value.GetRawText();
}
