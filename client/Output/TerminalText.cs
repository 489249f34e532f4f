using System.Globalization;
using System.Text;

namespace Ctwa.Client.Output;

/// <summary>Makes texts that others wrote safe for a terminal: what could move the cursor, change a title or hide text becomes visible.</summary>
internal static class TerminalText
{
    /// <summary>Stands for a character that is not shown.</summary>
    public const char Replacement = '?';

    /// <summary>Whether a terminal would act on it, or read the text in another order than it is written.</summary>
    /// <param name="c">UTF-16 unit.</param>
    public static bool IsUnsafe(char c) => char.IsControl(c)
        // Directions of writing, by which a name can look like another.
        || c is '\u061C' or '\u200E' or '\u200F' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069') or '\u2028' or '\u2029' or '\uFEFF';

    /// <summary>One line: control characters, line ends included, are replaced.</summary>
    public static string Line(string text) => Clean(text, keepLines: false);

    /// <summary>Several lines: line ends and tabs stay.</summary>
    public static string Lines(string text) => Clean(text, keepLines: true);

    /// <summary>At most so many columns, the last of them a mark if something was cut. Wide characters count two.</summary>
    public static string Fit(string text, int columns, string mark)
    {
        if (Width(text) <= columns) { return text; }
        if (columns <= mark.Length) { return columns <= 0 ? "" : mark[..columns]; }
        var kept = new StringBuilder();
        int used = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            int width = WidthOf(rune);
            if (used + width > columns - mark.Length) { break; }
            kept.Append(rune);
            used += width;
        }

        return kept.Append(mark).ToString();
    }

    /// <summary>Columns on a terminal.</summary>
    public static int Width(string text) => text.EnumerateRunes().Sum(WidthOf);

    // East Asian wide and full-width blocks, and pictures; combining marks take no column.
    private static int WidthOf(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format ? 0
        : rune.Value is (>= 0x1100 and <= 0x115F) or (>= 0x2E80 and <= 0xA4CF) or (>= 0xAC00 and <= 0xD7A3) or (>= 0xF900 and <= 0xFAFF) or (>= 0xFE30 and <= 0xFE6F) or (>= 0xFF00 and <= 0xFF60) or (>= 0xFFE0 and <= 0xFFE6) or (>= 0x1F300 and <= 0x1FAFF) or (>= 0x20000 and <= 0x3FFFD) ? 2
        : 1;

    private static string Clean(string text, bool keepLines)
    {
        bool Bad(char c) => IsUnsafe(c) && !(keepLines && c is '\n' or '\t');
        return text.Any(Bad) ? string.Create(text.Length, (text, keepLines), static (span, from) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                char c = from.text[i];
                span[i] = IsUnsafe(c) && !(from.keepLines && c is '\n' or '\t') ? Replacement : c;
            }
        }) : text;
    }
}
