using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Ctwa.Training.Tokenization;

/// <summary>
/// Cuts a text into the matches of a regular expression and the gaps between them, by Unicode scalars: .NET's engine sees UTF-16 units,
/// for which letters beyond U+FFFF are no letters, so each such scalar is matched as a stand-in from below U+FFFF with the same
/// general category that the pattern does not name.
/// </summary>
internal sealed class ScalarSplitter
{
    private static readonly Lazy<HashSet<UnicodeCategory>> CategoriesBeyondBmp =
        new(() => Enumerable.Range(0x10000, 0x100000).Select(CharUnicodeInfo.GetUnicodeCategory).ToHashSet());

    private readonly Regex _regex;
    private readonly char[] _standIns = new char[(int)UnicodeCategory.OtherNotAssigned + 1];

    /// <param name="pattern">In the dialect of tokenizer files.</param>
    /// <exception cref="FormatException">The pattern is malformed or uses something that is not supported.</exception>
    public ScalarSplitter(string pattern)
    {
        var (rewritten, named) = PreTokenizerPattern.Rewrite(pattern);
        try { _regex = new Regex(rewritten, RegexOptions.CultureInvariant | RegexOptions.Compiled); }
        catch (ArgumentException error) { throw new FormatException($"the pattern is not a regular expression ({error.Message}): {pattern}", error); }
        ChooseStandIns(pattern, named);
    }

    /// <summary>Appends the lengths, in UTF-16 units, of the consecutive pieces of a text without lone surrogates; they add up to its length.</summary>
    public void Split(ReadOnlySpan<char> text, List<int> lengths)
    {
        if (text.IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            SplitUnits(text, lengths);
            return;
        }

        char[] rented = ArrayPool<char>.Shared.Rent(text.Length);
        try
        {
            int count = 0;
            foreach (Rune rune in text.EnumerateRunes())
            {
                rented[count++] = rune.IsBmp ? (char)rune.Value : _standIns[(int)Rune.GetUnicodeCategory(rune)];
            }

            int first = lengths.Count;
            SplitUnits(rented.AsSpan(0, count), lengths);
            for (int i = first, at = 0; i < lengths.Count; i++)
            {
                int end = at;
                for (int scalars = lengths[i]; scalars > 0; scalars--) { end += char.IsHighSurrogate(text[end]) ? 2 : 1; }
                lengths[i] = end - at;
                at = end;
            }
        }
        finally { ArrayPool<char>.Shared.Return(rented); }
    }

    private void SplitUnits(ReadOnlySpan<char> text, List<int> lengths)
    {
        int at = 0;
        foreach (ValueMatch match in _regex.EnumerateMatches(text))
        {
            if (match.Index > at) { lengths.Add(match.Index - at); }
            if (match.Length > 0) { lengths.Add(match.Length); }
            at = match.Index + match.Length;
        }

        if (at < text.Length) { lengths.Add(text.Length - at); }
    }

    private void ChooseStandIns(string pattern, IReadOnlyList<(char First, char Last)> named)
    {
        var missing = new HashSet<UnicodeCategory>(CategoriesBeyondBmp.Value);
        for (int value = 0xFFFF; value >= 0x80 && missing.Count > 0; value--)
        {
            char candidate = (char)value;
            if (named.Any(range => range.First <= candidate && candidate <= range.Last)) { continue; }
            var category = CharUnicodeInfo.GetUnicodeCategory(candidate);
            if (missing.Remove(category)) { _standIns[(int)category] = candidate; }
        }

        if (missing.Count > 0)
        {
            throw new FormatException($"the pattern names every character of the category {missing.First()} up to U+FFFF, which is not supported: {pattern}");
        }
    }
}
