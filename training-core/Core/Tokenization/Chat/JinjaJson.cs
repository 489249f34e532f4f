using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Ctwa.Training.Tokenization.Chat.Jinja;

namespace Ctwa.Training.Tokenization.Chat;

/// <summary>JSON to the values of a template, as Python's json module reads it.</summary>
internal static class JinjaJson
{
    private const int MaxDepth = 60, MaxDigits = 1000;

    /// <param name="name">Names the value in errors.</param>
    /// <exception cref="ChatTemplateException">The value is nested too deep, or holds half a surrogate pair or a number of too many digits.</exception>
    public static object? Read(JsonElement value, string name)
    {
        try { return Read(value, 0); }
        catch (Exception error) when (error is FormatException or InvalidOperationException or OverflowException) { throw new ChatTemplateException($"{name} cannot be given to the chat template: {error.Message}", error); }
    }

    private static object? Read(JsonElement value, int depth)
    {
        if (depth > MaxDepth) { throw new FormatException($"it is nested more than {MaxDepth} deep"); }
        switch (value.ValueKind)
        {
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            case JsonValueKind.String: return value.GetString();
            case JsonValueKind.Number: return Number(value.GetRawText());
            case JsonValueKind.Array: return new JinjaList([.. value.EnumerateArray().Select(item => Read(item, depth + 1))]);
            case JsonValueKind.Object:
                var dict = new JinjaDict();
                foreach (var property in value.EnumerateObject()) { dict.Items[property.Name] = Read(property.Value, depth + 1); }
                return dict;
            default: return null;
        }
    }

    private static object Number(string text)
    {
        if (text.Length > MaxDigits) { throw new FormatException($"a number has more than {MaxDigits} digits"); }
        if (text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0) { return double.Parse(text, CultureInfo.InvariantCulture); }
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole) ? whole : (object)BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
    }
}
