using System.Text.Json;

namespace Ctwa.Training.Tokenization;

/// <summary>The end and padding tokens of a tokenizer_config.json.</summary>
internal sealed record TokenizerConfigFile(string? EndToken, string? PaddingToken)
{
    public const string FileName = "tokenizer_config.json";

    /// <exception cref="InvalidDataException">The file is not a JSON object, or a token in it is neither a string nor {"content": string}.</exception>
    public static TokenizerConfigFile Read(string path, byte[] content)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            if (document.RootElement.ValueKind != JsonValueKind.Object) { throw new InvalidOperationException("it holds no JSON object"); }
            return new TokenizerConfigFile(Token(document.RootElement, "eos_token"), Token(document.RootElement, "pad_token"));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path} cannot be read: {error.Message}.", error);
        }
    }

    /// <summary>A token of that name: a string, or an object with "content"; null if it is absent or null.</summary>
    /// <exception cref="InvalidOperationException">It is something else.</exception>
    internal static string? Token(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out var value)) { return null; }
        if (value.ValueKind == JsonValueKind.Object && !value.TryGetProperty("content", out value)) { throw new InvalidOperationException($"{name} is an object without content"); }
        return value.ValueKind is JsonValueKind.String or JsonValueKind.Null ? value.GetString()
            : throw new InvalidOperationException($"{name} is neither a token nor null");
    }
}
