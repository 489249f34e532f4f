using System.Text.Json;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>A JSON file with options: one object whose keys are their names without dashes.</summary>
internal static class OptionFile
{
    private const int LargestBytes = 1024 * 1024;

    private static readonly JsonDocumentOptions s_format = new() { AllowDuplicateProperties = false, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = 4 };

    /// <returns>Values by option name, dashes included.</returns>
    /// <exception cref="FormatException">The file is unreadable, too large, or not of this form.</exception>
    public static Dictionary<string, string[]> Read(string path)
    {
        byte[] bytes;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (file.Length > LargestBytes) { throw new FormatException($"{path} has {file.Length} bytes; a file of options has at most {LargestBytes}."); }
            bytes = new byte[file.Length];
            file.ReadExactly(bytes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new FormatException($"--config {path} cannot be read: {error.Message}", error);
        }

        try
        {
            using var document = JsonDocument.Parse(bytes, s_format);
            if (document.RootElement.ValueKind != JsonValueKind.Object) { throw new FormatException($"{path} holds {Name(document.RootElement)}; accepted is an object such as {{\"lanes\": 4}}."); }
            return document.RootElement.EnumerateObject().ToDictionary(property => "--" + property.Name, property => Values(path, property), StringComparer.Ordinal);
        }
        catch (JsonException wrong)
        {
            string place = wrong.LineNumber is { } line ? FormattableString.Invariant($", line {line + 1}") : "";
            throw new FormatException($"{path}{place}: not JSON: {wrong.Message}", wrong);
        }
        catch (InvalidOperationException wrong)
        {
            // A text whose bytes are no UTF-8, or an escape without a character.
            throw new FormatException($"{path}: not JSON: {wrong.Message}", wrong);
        }
    }

    private static string[] Values(string path, JsonProperty property) => property.Value.ValueKind == JsonValueKind.Array
        ? [.. property.Value.EnumerateArray().Select(element => Scalar(path, property.Name, element))]
        : [Scalar(path, property.Name, property.Value)];

    private static string Scalar(string path, string key, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => throw new FormatException($"{path}: '{key}' has {Name(value)}; accepted are texts, numbers, true, false and lists of them."),
    };

    private static string Name(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list in a list",
        JsonValueKind.Null => "null",
        _ => "a value",
    };
}
