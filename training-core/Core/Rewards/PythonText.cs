using System.Globalization;
using System.Text;

namespace Ctwa.Training.Rewards;

/// <summary>
/// Character classes of Python's <c>re</c> on <c>str</c>, by code point. .NET's own classes differ: <c>\s</c> lacks
/// U+001C..U+001F, <c>\d</c> and <c>\w</c> see halves of characters above U+FFFF, and case folding leaves out three letters.
/// </summary>
internal static class PythonText
{
    /// <summary>The code points of a text; a lone surrogate becomes U+FFFD.</summary>
    public static Rune[] CodePoints(string text) => [.. text.EnumerateRunes()];

    /// <summary><c>\s</c>.</summary>
    public static bool IsSpace(Rune rune) => Rune.IsWhiteSpace(rune) || rune.Value is >= 0x1C and <= 0x1F;

    /// <summary><c>\d</c>: decimal digits of any script.</summary>
    public static bool IsDigit(Rune rune) => Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber;

    /// <summary><c>\w</c>: letters, all kinds of numbers, underscore; unlike in .NET no marks and no other connectors.</summary>
    public static bool IsWord(Rune rune) => rune.Value == '_' || Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or
        UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>The ASCII letter a..z that a code point equals under re.IGNORECASE; '\0' if there is none.</summary>
    public static char FoldToAsciiLetter(Rune rune) => rune.Value switch
    {
        >= 'a' and <= 'z' => (char)rune.Value,
        >= 'A' and <= 'Z' => (char)(rune.Value | 0x20),
        0x130 or 0x131 => 'i',
        0x17F => 's',
        0x212A => 'k',
        _ => '\0',
    };

    /// <summary>Whether a lower-case ASCII word stands at a position, ignoring case.</summary>
    public static bool HasWordAt(ReadOnlySpan<Rune> text, int start, string word)
    {
        if (start + word.Length > text.Length) { return false; }
        for (int i = 0; i < word.Length; i++)
        {
            if (FoldToAsciiLetter(text[start + i]) != word[i]) { return false; }
        }

        return true;
    }

    /// <summary><c>\b</c> between the code points at <paramref name="position"/> − 1 and <paramref name="position"/>.</summary>
    public static bool IsBoundary(ReadOnlySpan<Rune> text, int position)
    {
        bool before = position > 0 && IsWord(text[position - 1]);
        bool after = position < text.Length && IsWord(text[position]);
        return before != after;
    }
}
