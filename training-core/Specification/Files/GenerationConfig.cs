using System.Collections.Immutable;
using System.Text.Json;

namespace Ctwa.Training.Specification;

/// <summary>What a model folder's generation_config.json says about generation; of its many keys only the stop tokens are read.</summary>
/// <param name="EosTokenIds">Tokens that end an answer; empty: the file names none.</param>
public sealed record GenerationConfig(ImmutableArray<int> EosTokenIds)
{
    public const string FileName = "generation_config.json";

    private const int MaxBytes = 1 << 20;

    /// <summary>Reads a folder's file.</summary>
    /// <returns>Null if the folder has none.</returns>
    /// <exception cref="InvalidDataException">The file is no such configuration; the message names it.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static GenerationConfig? OfFolder(string folder) => Path.Combine(folder, FileName) is var path && File.Exists(path) ? Read(path) : null;

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">It is no such configuration; the message names it.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static GenerationConfig Read(string path)
    {
        if (new FileInfo(path).Length > MaxBytes) { throw new InvalidDataException($"{path} is longer than {MaxBytes} bytes; it is no {FileName}."); }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 32, AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) { throw new InvalidDataException($"{path} holds no JSON object; expected is a {FileName}."); }
            if (!document.RootElement.TryGetProperty("eos_token_id", out var value) || value.ValueKind == JsonValueKind.Null) { return new GenerationConfig([]); }
            return new GenerationConfig(value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(item => Id(path, item))] : [Id(path, value)]);
        }
        catch (InvalidOperationException e) { throw new InvalidDataException($"{path} is not valid JSON: a property's name has half of a surrogate pair.", e); }
        catch (JsonException e) { throw new InvalidDataException($"{path} is not valid JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.", e); }
    }

    private static int Id(string path, JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id >= 0
        ? id : throw new InvalidDataException($"{path} has {SafetensorsHeader.Quote(value.GetRawText())} as eos_token_id; expected are token ids.");
}
