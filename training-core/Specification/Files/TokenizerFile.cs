using System.Text.Json;

namespace Ctwa.Training.Specification;

/// <summary>What a job check needs to know of a Hugging Face tokenizer.json.</summary>
public static class TokenizerFile
{
    /// <summary>Name of the built-in tokenizer in <c>model.init.tokenizer</c>.</summary>
    public const string Arithmetic = "arithmetic";

    /// <summary>Tokens of the built-in tokenizer, assumed for estimates where no tokenizer is at hand.</summary>
    public const int ArithmeticSizeEstimate = 80;

    private const int MaxBytes = 64 << 20;

    /// <summary>Largest token id + 1.</summary>
    /// <exception cref="InvalidDataException">The file is no tokenizer of the supported kind (byte-level BPE).</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static int ReadSize(string path)
    {
        if (new FileInfo(path).Length > MaxBytes) { throw new InvalidDataException($"{path} is longer than {MaxBytes} bytes; it is no tokenizer.json."); }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 64 });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("model", out var model) || model.ValueKind != JsonValueKind.Object) { throw new InvalidDataException($"{path} has no object 'model'; expected is a Hugging Face tokenizer.json."); }
            if (model.TryGetProperty("type", out var type) && type.GetRawText() != "\"BPE\"") { throw new InvalidDataException($"{path}: model.type is {type.GetRawText()}; supported is \"BPE\"."); }
            if (!model.TryGetProperty("vocab", out var vocabulary) || vocabulary.ValueKind != JsonValueKind.Object) { throw new InvalidDataException($"{path} has no object 'model.vocab'; expected is a Hugging Face tokenizer.json."); }
            int largest = vocabulary.EnumerateObject().Aggregate(-1, (max, entry) => Math.Max(max, Id(path, entry.Value)));
            if (root.TryGetProperty("added_tokens", out var added) && added.ValueKind == JsonValueKind.Array)
            {
                foreach (var token in added.EnumerateArray())
                {
                    if (token.ValueKind != JsonValueKind.Object || !token.TryGetProperty("id", out var id)) { throw new InvalidDataException($"{path} has an entry without id in added_tokens."); }
                    largest = Math.Max(largest, Id(path, id));
                }
            }

            return largest >= 0 ? largest + 1 : throw new InvalidDataException($"{path} has no tokens.");
        }
        catch (JsonException e) { throw new InvalidDataException($"{path} is not valid JSON: {e.Message}", e); }
    }

    private static int Id(string path, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id is >= 0 and < 1 << 24 ? id : throw new InvalidDataException($"{path} has the token id {value.GetRawText()}; accepted are whole numbers from 0 to {(1 << 24) - 1}.");
}
