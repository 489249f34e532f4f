using System.Globalization;
using System.Numerics;
using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Values as text: Python's <c>str</c> and <c>repr</c>.</summary>
internal static class PythonFormat
{
    private const int MaxDepth = 64;

    /// <summary>What <c>{{ value }}</c> writes.</summary>
    /// <exception cref="FormatException">The value is nested too deep, or has no text.</exception>
    public static string Text(object? value)
    {
        if (value is string text) { return text; }
        if (value is JinjaUndefined) { return ""; }
        var builder = new StringBuilder();
        Write(builder, value, 0);
        return builder.ToString();
    }

    public static string Repr(object? value)
    {
        var builder = new StringBuilder();
        Write(builder, value, 0);
        return builder.ToString();
    }

    /// <summary>Python's <c>repr</c> of a float: the shortest digits that read back, with an exponent beyond 1e16 and below 1e-4.</summary>
    public static string Float(double value)
    {
        if (double.IsNaN(value)) { return "nan"; }
        if (double.IsInfinity(value)) { return value > 0 ? "inf" : "-inf"; }
        // .NET's shortest form has the same digits and another layout.
        string shortest = value.ToString("R", CultureInfo.InvariantCulture);
        string sign = shortest.StartsWith('-') ? "-" : "";
        string[] parts = shortest[sign.Length..].Split('E');
        int point = parts[0].IndexOf('.', StringComparison.Ordinal);
        string digits = parts[0].Replace(".", "", StringComparison.Ordinal), mantissa = digits.Trim('0');
        if (mantissa.Length == 0) { return sign + "0.0"; }
        int exponent = (point < 0 ? digits.Length : point) - 1 - (digits.Length - digits.TrimStart('0').Length) + (parts.Length > 1 ? int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : 0);
        if (exponent is < -4 or >= 16)
        {
            string fraction = mantissa.Length > 1 ? "." + mantissa[1..] : "";
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{mantissa[0]}{fraction}e{(exponent < 0 ? "-" : "+")}{Math.Abs(exponent):00}");
        }

        if (exponent < 0) { return sign + "0." + new string('0', -exponent - 1) + mantissa; }
        return mantissa.Length <= exponent + 1 ? sign + mantissa.PadRight(exponent + 1, '0') + ".0" : sign + mantissa[..(exponent + 1)] + "." + mantissa[(exponent + 1)..];
    }

    private static void Write(StringBuilder text, object? value, int depth)
    {
        if (depth > MaxDepth) { throw new FormatException($"a value is nested more than {MaxDepth} deep"); }
        // A list that holds one list many times over has a text far longer than its parts.
        if (text.Length > JinjaBudget.MaxOutput) { throw new FormatException($"a value's text is longer than {JinjaBudget.MaxOutput} characters"); }
        switch (value)
        {
            case null: text.Append("None"); break;
            case bool flag: text.Append(flag ? "True" : "False"); break;
            case long number: text.Append(number); break;
            case BigInteger number: text.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: text.Append(Float(number)); break;
            case string content: WriteQuoted(text, content); break;
            case JinjaUndefined: text.Append("Undefined"); break;
            case JinjaList list:
                text.Append(list.IsTuple ? '(' : '[');
                WriteAll(text, list.Items, depth);
                if (list is { IsTuple: true, Items.Count: 1 }) { text.Append(','); }
                text.Append(list.IsTuple ? ')' : ']');
                break;
            case JinjaDict dict:
                text.Append('{');
                WriteEntries(text, dict.Items, depth);
                text.Append('}');
                break;
            case JinjaNamespace names:
                text.Append("<Namespace {");
                WriteEntries(text, names.Items.Select(entry => KeyValuePair.Create((object)entry.Key, entry.Value)), depth);
                text.Append("}>");
                break;
            default: throw new FormatException($"a {JinjaValue.TypeName(value)} has no text");
        }
    }

    private static void WriteAll(StringBuilder text, IReadOnlyList<object?> items, int depth)
    {
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0) { text.Append(", "); }
            Write(text, items[i], depth + 1);
        }
    }

    private static void WriteEntries(StringBuilder text, IEnumerable<KeyValuePair<object, object?>> entries, int depth)
    {
        bool first = true;
        foreach (var (key, value) in entries)
        {
            if (!first) { text.Append(", "); }
            first = false;
            Write(text, key, depth + 1);
            text.Append(": ");
            Write(text, value, depth + 1);
        }
    }

    private static void WriteQuoted(StringBuilder text, string content)
    {
        char quote = content.Contains('\'', StringComparison.Ordinal) && !content.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        text.Append(quote);
        foreach (Rune rune in content.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case '\\': text.Append("\\\\"); break;
                case var c when c == quote: text.Append('\\').Append(quote); break;
                case var c when IsPrintable(rune): text.Append(rune.ToString()); break;
                case <= 0xFF: text.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"); break;
                case <= 0xFFFF: text.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}"); break;
                default: text.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}"); break;
            }
        }

        text.Append(quote);
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or
        UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
}
