using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ctwa.Client.Output;

/// <summary>JSON as every command prints it: names in snake_case, times in UTC, what is unknown is null.</summary>
internal static class JsonText
{
    private static readonly JsonSerializerOptions s_document = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, WriteIndented = true };
    private static readonly JsonSerializerOptions s_line = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A document of several lines.</summary>
    public static string Write(JsonNode document) => document.ToJsonString(s_document);

    /// <summary>A document in one line, for commands that print one after the other.</summary>
    public static string Line(JsonNode document) => document.ToJsonString(s_line);

    /// <summary><c>2026-01-02T03:04:05Z</c></summary>
    public static string? Time(DateTimeOffset? at) => at?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A member's name in snake_case.</summary>
    public static string Word(Enum value) => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    /// <summary>A number, or null where JSON has no word for it.</summary>
    public static JsonNode? Number(double? value) => value is { } number && double.IsFinite(number) ? JsonValue.Create(number) : null;
}
