using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Ctwa.Training.Rewards;

/// <summary>JSON from graders: bounded in depth and size, and patient with the bare NaN that many languages write.</summary>
internal static class ReplyJson
{
    /// <summary>Most numbers of one reply.</summary>
    private const int MaxOutputs = 4096;

    private const int MaxName = 200;
    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = 16, AllowDuplicateProperties = false };

    /// <summary>Parses a text of known, bounded size.</summary>
    /// <exception cref="RewardReplyException">It is not JSON; the message names the byte, from 0.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> bytes)
    {
        if (!Utf8.IsValid(bytes.Span)) { throw new RewardReplyException(FormattableString.Invariant($"not UTF-8 text: {Show(bytes.Span)}")); }
        try
        {
            return JsonDocument.Parse(bytes, s_options);
        }
        catch (InvalidOperationException error)
        {
            // The search for duplicate names cannot read a name that ends within a character.
            throw new RewardReplyException($"a name in it is not valid Unicode: {Show(bytes.Span)}", error);
        }
        catch (JsonException error)
        {
            if (QuoteBareNumbers(bytes.Span) is { } mended)
            {
                try { return JsonDocument.Parse(mended, s_options); }
                catch (Exception second) when (second is JsonException or InvalidOperationException) { /* The first error is about the bytes as they came. */ }
            }

            string line = error.LineNumber is > 0 and var number ? FormattableString.Invariant($"line {number + 1}, ") : "";
            throw new RewardReplyException(FormattableString.Invariant($"not JSON at {line}byte {error.BytePositionInLine}: {Show(bytes.Span)}"), error);
        }
    }

    /// <summary>Numbers of a reply: one, a list, or an object of named ones.</summary>
    /// <exception cref="RewardReplyException">It is something else.</exception>
    public static ImmutableArray<RewardOutput> Outputs(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Array:
                Bound(value.GetArrayLength());
                return [.. value.EnumerateArray().Select(item => new RewardOutput(null, Number(item)))];
            case JsonValueKind.Object:
                Bound(value.GetPropertyCount());
                return [.. value.EnumerateObject().Select(property => new RewardOutput(Name(property), Number(property.Value)))];
            default:
                return [new RewardOutput(null, Number(value))];
        }
    }

    /// <summary>A short piece of what came, safe for a log line.</summary>
    public static string Show(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder("'");
        foreach (char c in Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, 80)])) { text.Append(char.IsControl(c) || c == '\uFFFD' ? '?' : c); }
        return text.Append('\'').Append(bytes.Length > 80 ? "..." : "").ToString();
    }

    /// <summary>A text member as it is, with half characters replaced; null if it is no text.</summary>
    public static string? Text(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String) { return null; }
        try { return value.GetString(); }
        catch (InvalidOperationException) { return "(text that is not valid Unicode)"; }
    }

    private static void Bound(int count)
    {
        if (count > MaxOutputs) { throw new RewardReplyException(FormattableString.Invariant($"{count} scores for one completion; at most {MaxOutputs} are accepted")); }
        if (count == 0) { throw new RewardReplyException("no score: the list is empty"); }
    }

    private static string Name(JsonProperty property)
    {
        string name;
        try { name = property.Name; }
        catch (InvalidOperationException) { throw new RewardReplyException("the name of a score is not valid Unicode"); }
        return name.Length <= MaxName ? name : throw new RewardReplyException(FormattableString.Invariant($"the name of a score has {name.Length} characters; at most {MaxName} are accepted"));
    }

    private static double Number(JsonElement value) => value.ValueKind switch
    {
        // Beyond the range of a double this is infinite, and fails later with its reason.
        JsonValueKind.Number => value.TryGetDouble(out double number) ? number : double.PositiveInfinity,
        JsonValueKind.Null => throw new RewardReplyException("the score is null"),
        JsonValueKind.String when Text(value) is "NaN" => double.NaN,
        JsonValueKind.String when Text(value) is "Infinity" => double.PositiveInfinity,
        JsonValueKind.String when Text(value) is "-Infinity" => double.NegativeInfinity,
        JsonValueKind.True or JsonValueKind.False => throw new RewardReplyException($"the score is {value.GetRawText()}; expected is a number such as 1 or 0"),
        _ => throw new RewardReplyException($"the score is {Show(Encoding.UTF8.GetBytes(value.GetRawText()))}; expected is a number"),
    };

    /// <summary>Puts bare NaN, Infinity and -Infinity into quotes; null if there are none.</summary>
    private static byte[]? QuoteBareNumbers(ReadOnlySpan<byte> bytes)
    {
        var mended = new List<byte>(bytes.Length + 16);
        bool inside = false, changed = false;
        for (int i = 0; i < bytes.Length; i++)
        {
            byte b = bytes[i];
            if (inside)
            {
                mended.Add(b);
                if (b == '\\' && i + 1 < bytes.Length) { mended.Add(bytes[++i]); }
                else if (b == '"') { inside = false; }
                continue;
            }

            inside = b == '"';
            var word = bytes[i..].StartsWith("NaN"u8) ? "NaN"u8 : bytes[i..].StartsWith("Infinity"u8) ? "Infinity"u8 : bytes[i..].StartsWith("-Infinity"u8) ? "-Infinity"u8 : default;
            if (word.IsEmpty) { mended.Add(b); continue; }
            mended.Add((byte)'"');
            mended.AddRange(word);
            mended.Add((byte)'"');
            i += word.Length - 1;
            changed = true;
        }

        return changed ? [.. mended] : null;
    }

    /// <summary>An item's number: a JSON number or digits in quotes; null if it is neither.</summary>
    public static long? Id(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number when value.TryGetInt64(out long id) => id,
        JsonValueKind.String when long.TryParse(Text(value), NumberStyles.None, CultureInfo.InvariantCulture, out long id) => id,
        _ => null,
    };
}
