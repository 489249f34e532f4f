using System.Text;
using System.Text.Json;

namespace Ctwa.Training.Datasets;

/// <summary>Reads two text fields of each line of a JSONL file; every complaint names file and line.</summary>
internal static class JsonlRows
{
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false };

    /// <summary>The two fields of one line.</summary>
    internal readonly record struct Row(string Prompt, string Answer);

    /// <param name="path">The file.</param>
    /// <param name="promptField">Field of the prompt: a string that is not empty.</param>
    /// <param name="answerField">Field of the answer: a string, or a number, which is taken as it is written.</param>
    /// <param name="limit">Read no further than so many rows; null: all.</param>
    /// <exception cref="DatasetException">The file is missing, unreadable, without rows or not UTF-8, or a line read is not a JSON object with both fields.</exception>
    public static List<Row> Read(string path, string promptField, string answerField, int? limit)
    {
        if (!File.Exists(path))
        {
            throw new DatasetException(Directory.Exists(path)
                ? $"data file '{path}' is a folder; name a JSONL file."
                : $"data file '{path}' does not exist (looked at {Path.GetFullPath(path)}); correct data.*.path.");
        }

        var rows = new List<Row>();
        int number = 0;
        try
        {
            using var reader = new StreamReader(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
            while (!(rows.Count >= limit) && reader.ReadLine() is { } line)
            {
                number++;
                if (!string.IsNullOrWhiteSpace(line)) { rows.Add(Parse(line, $"{path}:{number}", promptField, answerField)); }
            }
        }
        catch (DecoderFallbackException e)
        {
            throw new DatasetException($"{path}: not UTF-8 text after line {number}; convert the file to UTF-8.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"data file '{path}' cannot be read: {e.Message}", e);
        }

        return rows.Count > 0 ? rows : throw new DatasetException($"data file '{path}' holds no rows; it needs one JSON object per line with the fields '{promptField}' and '{answerField}'.");
    }

    private static Row Parse(string line, string place, string promptField, string answerField)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(line, s_options);
        }
        catch (JsonException e)
        {
            throw new DatasetException($"{place}: not valid JSON (byte {e.BytePositionInLine + 1} of the line); each line must be one JSON object with the fields '{promptField}' and '{answerField}', each once.", e);
        }

        using (document)
        {
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw new DatasetException($"{place}: is {Kind(root)}; each line must be one JSON object with the fields '{promptField}' and '{answerField}'.");
            }

            string prompt = Field(root, promptField, place, numberAllowed: false);
            return prompt.Length > 0
                ? new Row(prompt, Field(root, answerField, place, numberAllowed: true))
                : throw new DatasetException($"{place}: field '{promptField}' is empty; a prompt needs at least one character.");
        }
    }

    private static string Field(JsonElement row, string field, string place, bool numberAllowed)
    {
        if (!row.TryGetProperty(field, out var value))
        {
            string there = string.Join(", ", row.EnumerateObject().Take(8).Select(property => $"'{property.Name}'"));
            throw new DatasetException($"{place}: has no field '{field}'; it has {(there.Length > 0 ? there : "none")}. Name the right one with prompt_field or answer_field.");
        }

        if (numberAllowed && value.ValueKind == JsonValueKind.Number) { return value.GetRawText(); }
        if (value.ValueKind != JsonValueKind.String)
        {
            throw new DatasetException($"{place}: field '{field}' is {Kind(value)}; it must be a string{(numberAllowed ? " or a number" : "")}.");
        }

        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new DatasetException($"{place}: field '{field}' holds half of a surrogate pair (\\uD800 to \\uDFFF), which is no text; remove it.", e);
        }
    }

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "a boolean",
    };
}
