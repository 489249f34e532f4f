using System.Globalization;
using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Operations on texts as Python's str has them.</summary>
internal static class JinjaTexts
{
    /// <summary>White space of <c>str.isspace</c>, which has U+001C to U+001F too.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001C' and <= '\u001F';

    public static string Lower(string text) => text.ToLowerInvariant();

    // Python spells out the one letter that becomes two in everyday texts.
    public static string Upper(string text) => text.ToUpperInvariant().Replace("\u00DF", "SS", StringComparison.Ordinal);

    public static string Capitalize(string text) => text.Length == 0 ? "" : Upper(text[..1]) + Lower(text[1..]);

    /// <summary><c>str.title</c>: letters that follow a letter become small, others capital.</summary>
    public static string PythonTitle(string text)
    {
        var title = new StringBuilder(text.Length);
        bool inside = false;
        foreach (char c in text)
        {
            title.Append(inside ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inside = char.IsLetter(c);
        }

        return title.ToString();
    }

    /// <summary>Jinja's filter <c>title</c>: words begin behind blanks, hyphens and opening brackets.</summary>
    public static string Title(string text)
    {
        var title = new StringBuilder(text.Length);
        bool starts = true;
        foreach (char c in text)
        {
            title.Append(starts ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c));
            starts = IsSpace(c) || c is '-' or '(' or '{' or '[' or '<';
        }

        return title.ToString();
    }

    public static string Strip(string text, string? characters, bool left, bool right)
    {
        bool Goes(char c) => characters is null ? IsSpace(c) : characters.Contains(c, StringComparison.Ordinal);
        int start = 0, end = text.Length;
        while (left && start < end && Goes(text[start])) { start++; }
        while (right && end > start && Goes(text[end - 1])) { end--; }
        return text[start..end];
    }

    public static JinjaList Split(string text, string? separator, long limit, bool fromRight, JinjaCall call)
    {
        if (separator is { Length: 0 }) { throw call.Error("needs a separator that is not empty"); }
        long left = limit < 0 ? long.MaxValue : limit;
        var parts = separator is null ? Words(text, left, fromRight) : fromRight ? SplitRight(text, separator, left) : SplitLeft(text, separator, left);
        call.Machine.Spend(parts.Count, call.Position);
        return new JinjaList([.. parts]);
    }

    public static JinjaList Lines(string text, bool keepEnds)
    {
        var lines = new List<object?>();
        for (int start = 0; start < text.Length;)
        {
            int end = start;
            while (end < text.Length && text[end] is not ('\n' or '\r' or '\v' or '\f' or '\u001C' or '\u001D' or '\u001E' or '\u0085' or '\u2028' or '\u2029')) { end++; }
            int next = end == text.Length ? end : text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            lines.Add(text[start..(keepEnds ? next : end)]);
            start = next;
        }

        return new JinjaList(lines);
    }

    public static JinjaList Partition(string text, string separator, bool last)
    {
        if (separator.Length == 0) { throw new FormatException("the separator is empty"); }
        int at = last ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        if (at < 0) { return last ? JinjaValue.Tuple("", "", text) : JinjaValue.Tuple(text, "", ""); }
        return JinjaValue.Tuple(text[..at], separator, text[(at + separator.Length)..]);
    }

    public static string Replace(string text, string old, string with, long count, JinjaCall call)
    {
        var result = new StringBuilder();
        long left = count < 0 ? long.MaxValue : count;
        int at = 0;
        if (old.Length == 0)
        {
            // Python puts the new text before every code point and at the end.
            foreach (object? character in JinjaValue.Characters(text))
            {
                if (left-- > 0) { Append(with); }
                result.Append((string)character!);
            }

            if (left > 0) { Append(with); }
            return result.ToString();
        }

        for (int next; left > 0 && (next = text.IndexOf(old, at, StringComparison.Ordinal)) >= 0; left--)
        {
            result.Append(text, at, next - at);
            Append(with);
            at = next + old.Length;
        }

        return result.Append(text, at, text.Length - at).ToString();

        void Append(string piece)
        {
            call.Machine.Spend(piece.Length + 1, call.Position);
            result.Append(piece);
        }
    }

    public static long Count(string text, string part)
    {
        if (part.Length == 0) { return JinjaValue.Length(text) + 1; }
        long count = 0;
        for (int at = text.IndexOf(part, StringComparison.Ordinal); at >= 0; at = text.IndexOf(part, at + part.Length, StringComparison.Ordinal)) { count++; }
        return count;
    }

    /// <summary>An index in UTF-16 units as one in code points.</summary>
    public static long Index(string text, int at) => at < 0 ? -1 : JinjaValue.Length(text[..at]);

    /// <summary><c>str.format</c> with fields {}, {0} and {name}.</summary>
    public static string Format(string format, JinjaCall call)
    {
        var text = new StringBuilder();
        int automatic = 0;
        for (int at = 0; at < format.Length; at++)
        {
            char c = format[at];
            if (c is '{' or '}' && at + 1 < format.Length && format[at + 1] == c) { text.Append(c); at++; continue; }
            if (c is not ('{' or '}')) { text.Append(c); continue; }
            int end = c == '{' ? format.IndexOf('}', at) : -1;
            if (end < 0) { throw call.Error("has a single brace in its text"); }
            string field = format[(at + 1)..end];
            if (field.Any(f => !char.IsLetterOrDigit(f) && f != '_')) { throw call.Error($"supports the fields {{}}, {{0}} and {{name}}, not '{{{field}}}'"); }
            bool isIndex = int.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out int index);
            object? value = field.Length == 0 ? At(automatic++) : isIndex ? At(index) : call.Named.TryGetValue(field, out object? named) ? named : throw call.Error($"has no argument '{field}'");
            string piece = PythonFormat.Text(value);
            call.Machine.Spend(piece.Length, call.Position);
            text.Append(piece);
            at = end;
        }

        return text.ToString();

        object? At(int index) => index < call.Positional.Count ? call.Positional[index] : throw call.Error($"has no argument {index}");
    }

    private static List<string> SplitLeft(string text, string separator, long limit)
    {
        var parts = new List<string>();
        int at = 0;
        for (int next; limit-- > 0 && (next = text.IndexOf(separator, at, StringComparison.Ordinal)) >= 0; at = next + separator.Length) { parts.Add(text[at..next]); }
        parts.Add(text[at..]);
        return parts;
    }

    private static List<string> SplitRight(string text, string separator, long limit)
    {
        var parts = new List<string>();
        int end = text.Length;
        for (int next; limit-- > 0 && (next = text.AsSpan(0, end).LastIndexOf(separator, StringComparison.Ordinal)) >= 0; end = next) { parts.Add(text[(next + separator.Length)..end]); }
        parts.Add(text[..end]);
        parts.Reverse();
        return parts;
    }

    /// <summary>Split at runs of white space, which never gives an empty part; what is left over keeps its outer end.</summary>
    private static List<string> Words(string text, long limit, bool fromRight)
    {
        var words = new List<string>();
        int step = fromRight ? -1 : 1, at = fromRight ? text.Length - 1 : 0;
        bool Inside(int index) => index >= 0 && index < text.Length;
        while (true)
        {
            while (Inside(at) && IsSpace(text[at])) { at += step; }
            if (!Inside(at)) { break; }
            if (limit-- <= 0)
            {
                words.Add(fromRight ? text[..(at + 1)] : text[at..]);
                break;
            }

            int start = at;
            while (Inside(at) && !IsSpace(text[at])) { at += step; }
            words.Add(fromRight ? text[(at + 1)..(start + 1)] : text[start..at]);
        }

        if (fromRight) { words.Reverse(); }
        return words;
    }
}
