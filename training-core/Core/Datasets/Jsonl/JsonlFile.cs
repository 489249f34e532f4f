using System.Text.Json;
using System.Text.Unicode;

namespace Ctwa.Training.Datasets.Jsonl;

/// <summary>Reads a JSONL file line by line; every complaint names file, line and column (in characters, from 1).</summary>
/// <param name="stream">The file; disposed at the end of reading.</param>
/// <param name="name">Its name for messages.</param>
internal sealed class JsonlFile(Stream stream, string name)
{
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false };

    /// <summary>The two fields that a job names, of each line that is not blank.</summary>
    /// <exception cref="DatasetException">A line is no JSON object, or lacks a field, or a field has a wrong type.</exception>
    public IEnumerable<DataRow> Rows(string promptField, string answerField)
    {
        string expected = $"each line must be one JSON object with the fields '{promptField}' and '{answerField}'";
        foreach (var (line, number) in Lines())
        {
            yield return Row(line, number, promptField, answerField, expected);
        }
    }

    /// <summary>All lines that are not blank, as objects.</summary>
    /// <exception cref="DatasetException">A line is no JSON object.</exception>
    public IEnumerable<(long Number, DataValue.Fields Row)> Objects()
    {
        foreach (var (line, number) in Lines()) { yield return (number, Whole(line, number)); }
    }

    private DataValue.Fields Whole(ReadOnlyMemory<byte> line, long number)
    {
        using var document = Parse(line, number, "each line must be one JSON object");
        try
        {
            return (DataValue.Fields)JsonPath.ToValue(document.RootElement);
        }
        catch (InvalidOperationException e)
        {
            throw new DatasetException($"{name}:{number}:1: a text holds half of a surrogate pair (\\uD800 to \\uDFFF), which is no text; remove it.", e);
        }
    }

    private IEnumerable<(ReadOnlyMemory<byte> Line, long Number)> Lines()
    {
        using (stream)
        {
            var lines = new LineReader(stream, name);
            while (lines.TryRead(out var line))
            {
                if (line.Span.ContainsAnyExcept(" \t\r"u8)) { yield return (line, lines.Number); }
            }
        }
    }

    private DataRow Row(ReadOnlyMemory<byte> line, long number, string promptField, string answerField, string expected)
    {
        using var document = Parse(line, number, expected);
        return DataRow.Of(number, promptField, Field(promptField, "prompt_field"), answerField, Field(answerField, "answer_field"), field => Place(line, number, field));

        DataValue Field(string field, string key)
        {
            var element = JsonPath.Find(document.RootElement, field, out string problem)
                ?? throw new DatasetException($"{name}:{number}:1: has no field '{field}'{problem}. Name the right one with {key}.");
            try
            {
                return JsonPath.ToValue(element);
            }
            catch (InvalidOperationException e)
            {
                throw new DatasetException($"{Place(line, number, field)}: field '{field}' holds half of a surrogate pair (\\uD800 to \\uDFFF), which is no text; remove it.", e);
            }
        }
    }

    private JsonDocument Parse(ReadOnlyMemory<byte> line, long number, string expected)
    {
        if (!Utf8.IsValid(line.Span)) { throw new DatasetException($"{name}:{number}:{JsonPath.FirstInvalid(line.Span)}: not UTF-8 text; convert the file to UTF-8."); }
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(line, s_options);
        }
        catch (InvalidOperationException e)
        {
            // The search for duplicates cannot decode such a name, and does not say where it stands.
            throw new DatasetException($"{name}:{number}:1: not valid JSON (a property's name has half of a surrogate pair); {expected}, each once.", e);
        }
        catch (JsonException e)
        {
            throw new DatasetException($"{name}:{number}:{JsonPath.Column(line.Span, e.BytePositionInLine ?? 0)}: not valid JSON ({Reason(e)}); {expected}, each once.", e);
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object) { return document; }
        using (document) { throw new DatasetException($"{name}:{number}:1: is {JsonPath.ToKind(document.RootElement)}; {expected}."); }
    }

    private string Place(ReadOnlyMemory<byte> line, long number, string field) => $"{name}:{number}:{JsonPath.ColumnOf(line.Span, field)}";

    /// <summary>The parser's complaint without its place, which counts lines of a row.</summary>
    private static string Reason(JsonException e)
    {
        int end = e.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        string reason = (end < 0 ? e.Message : e.Message[..end]).TrimEnd('.');
        return reason.Length > 200 ? reason[..200] + "..." : reason;
    }
}
