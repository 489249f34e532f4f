using System.Text;
using System.Text.Json;

namespace Ctwa.Training.Datasets.Jsonl;

/// <summary>Fields of a row by name or dotted path, and their places in the line.</summary>
internal static class JsonPath
{
    /// <summary>The field of exactly this name, or at this path through objects.</summary>
    /// <param name="problem">Why there is none, to follow "has no field 'x'".</param>
    public static JsonElement? Find(JsonElement row, string field, out string problem)
    {
        problem = "";
        if (row.TryGetProperty(field, out var exact)) { return exact; }
        var at = row;
        string passed = "";
        foreach (string part in field.Split('.'))
        {
            if (at.ValueKind != JsonValueKind.Object)
            {
                problem = $": '{passed}' is {ToKind(at)}; a path can only lead through objects";
                return null;
            }

            if (!at.TryGetProperty(part, out var next))
            {
                string there = string.Join(", ", at.EnumerateObject().Take(8).Select(property => $"'{NameOf(property)}'"));
                problem = $"; {(passed.Length == 0 ? "it" : $"'{passed}'")} has {(there.Length > 0 ? there : "none")}";
                return null;
            }

            at = next;
            passed = passed.Length == 0 ? part : $"{passed}.{part}";
        }

        return at;
    }

    /// <summary>The value of an element.</summary>
    /// <exception cref="InvalidOperationException">A text holds half of a surrogate pair.</exception>
    public static DataValue ToValue(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => new DataValue.Text(element.GetString()!),
        JsonValueKind.Number => new DataValue.Number(element.GetRawText()),
        JsonValueKind.True or JsonValueKind.False => new DataValue.Truth(element.ValueKind == JsonValueKind.True),
        JsonValueKind.Array => new DataValue.Sequence([.. element.EnumerateArray().Select(ToValue)]),
        JsonValueKind.Object => new DataValue.Fields([.. element.EnumerateObject().Select(property => KeyValuePair.Create(property.Name, ToValue(property.Value)))]),
        _ => DataValue.Nothing.Value,
    };

    /// <summary>What an element is, for messages.</summary>
    public static string ToKind(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "a boolean",
    };

    /// <summary>The column (characters, from 1) of a byte of a line.</summary>
    public static long Column(ReadOnlySpan<byte> line, long offset)
    {
        var before = line[..(int)Math.Clamp(offset, 0, line.Length)];
        return 1 + Encoding.UTF8.GetCharCount(before);
    }

    /// <summary>The column of the first byte that is not UTF-8.</summary>
    public static long FirstInvalid(ReadOnlySpan<byte> line)
    {
        int at = 0;
        while (at < line.Length && Rune.DecodeFromUtf8(line[at..], out _, out int used) == System.Buffers.OperationStatus.Done) { at += used; }
        return Column(line, at);
    }

    /// <summary>The column of a field's value; 1 if it cannot be found.</summary>
    public static long ColumnOf(ReadOnlySpan<byte> line, string field)
    {
        var reader = new Utf8JsonReader(line);
        return (Seek(ref reader, [field]) ?? SeekFrom(line, field.Split('.'))) is { } at ? Column(line, at) : 1;
    }

    private static long? SeekFrom(ReadOnlySpan<byte> line, string[] path)
    {
        var reader = new Utf8JsonReader(line);
        return Seek(ref reader, path);
    }

    private static long? Seek(ref Utf8JsonReader reader, string[] path)
    {
        if (!reader.Read()) { return null; }
        foreach (string part in path)
        {
            if (reader.TokenType != JsonTokenType.StartObject) { return null; }
            bool found = false;
            while (!found && reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                found = reader.ValueTextEquals(part);
                reader.Read();
                if (!found) { reader.Skip(); }
            }

            if (!found) { return null; }
        }

        return reader.TokenStartIndex;
    }

    private static string NameOf(JsonProperty property)
    {
        try { return property.Name; }
        catch (InvalidOperationException) { return "(no text)"; }
    }
}
