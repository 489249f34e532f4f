using System.Text;

namespace Ctwa.Training.Rewards;

/// <summary>
/// Step markers as the reference counts them, with Python's character classes: numbered, lettered, roman or "step n"
/// labels before one of <c>) . : -</c>, bullets between blanks, and ordinal words. Anything of that shape counts,
/// wherever it stands: also the minus signs of 'x - y - z' and the decimals of '3.5 ... 2.5'.
/// </summary>
internal static class ReferenceStepMarkers
{
    private static readonly string[] Ordinals =
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "next", "then"];

    /// <summary>Whether a braced box with content is there and at least two enumerators or two ordinals.</summary>
    public static bool IsClear(string response)
    {
        var text = PythonText.CodePoints(response);
        return HasNonEmptyBox(text) && IsStepByStep(text);
    }

    /// <summary>At least two enumerators or two ordinals.</summary>
    public static bool IsStepByStep(ReadOnlySpan<Rune> text) => CountEnumerators(text) >= 2 || CountOrdinals(text) >= 2;

    /// <summary><c>\boxed{</c>, blanks, one character that is neither blank nor <c>}</c>, and a <c>}</c> anywhere later.</summary>
    public static bool HasNonEmptyBox(ReadOnlySpan<Rune> text)
    {
        const string Open = @"\boxed{";
        for (int start = 0; start + Open.Length < text.Length; start++)
        {
            if (!StandsAt(text, start, Open)) { continue; }
            int first = start + Open.Length;
            while (first < text.Length && PythonText.IsSpace(text[first])) { first++; }
            if (first < text.Length && text[first].Value != '}' && text[first..].Contains(new Rune('}'))) { return true; }
        }

        return false;
    }

    /// <summary>Enumerators and bullets, not overlapping, from left to right.</summary>
    public static int CountEnumerators(ReadOnlySpan<Rune> text)
    {
        int count = 0;
        for (int at = 0; at < text.Length;)
        {
            int end = MarkerEnd(text, at);
            if (end < 0) { at++; continue; }
            count++;
            at = end;
        }

        return count;
    }

    /// <summary>Ordinal words, 'next' and 'then', as whole words.</summary>
    public static int CountOrdinals(ReadOnlySpan<Rune> text)
    {
        int count = 0;
        for (int at = 0; at < text.Length;)
        {
            int length = OrdinalLength(text, at);
            count += length > 0 ? 1 : 0;
            at += Math.Max(length, 1);
        }

        return count;
    }

    /// <summary>End of the marker whose left boundary starts at a position, or −1. A label goes before a bullet, a line's start before a blank.</summary>
    private static int MarkerEnd(ReadOnlySpan<Rune> text, int at)
    {
        bool lineStart = at == 0 || text[at - 1].Value == '\n';
        bool space = PythonText.IsSpace(text[at]);
        int end = lineStart ? LabelEnd(text, at) : -1;
        if (end < 0 && (space || text[at].Value == '(')) { end = LabelEnd(text, at + 1); }
        if (end < 0 && lineStart) { end = BulletEnd(text, at); }
        if (end < 0 && space) { end = BulletEnd(text, at + 1); }
        return end;
    }

    private static int LabelEnd(ReadOnlySpan<Rune> text, int at)
    {
        if (PythonText.HasWordAt(text, at, "step"))
        {
            int token = at + 4;
            while (token < text.Length && PythonText.IsSpace(text[token])) { token++; }
            int end = TokenEnd(text, token);
            if (end >= 0) { return end; }
        }

        return TokenEnd(text, at);
    }

    private static int TokenEnd(ReadOnlySpan<Rune> text, int at)
    {
        if (at >= text.Length) { return -1; }
        int stop = at;
        while (stop < text.Length && PythonText.IsDigit(text[stop])) { stop++; }
        if (stop == at && PythonText.FoldToAsciiLetter(text[at]) != '\0')
        {
            stop = at + 1;
            if (!IsClosing(text, stop))
            {
                stop = at;
                while (stop < text.Length && PythonText.FoldToAsciiLetter(text[stop]) is 'i' or 'v' or 'x' or 'l' or 'c' or 'd' or 'm') { stop++; }
            }
        }

        return stop > at && IsClosing(text, stop) ? stop + 1 : -1;
    }

    private static bool IsClosing(ReadOnlySpan<Rune> text, int at) => at < text.Length && text[at].Value is ')' or '.' or ':' or '-';

    private static int BulletEnd(ReadOnlySpan<Rune> text, int at)
    {
        if (at >= text.Length || text[at].Value is not ('-' or '*' or '\u2022')) { return -1; }
        int end = at + 1;
        while (end < text.Length && PythonText.IsSpace(text[end])) { end++; }
        return end > at + 1 ? end : -1;
    }

    private static int OrdinalLength(ReadOnlySpan<Rune> text, int at)
    {
        if (!PythonText.IsBoundary(text, at)) { return 0; }
        foreach (string word in Ordinals)
        {
            if (PythonText.HasWordAt(text, at, word) && PythonText.IsBoundary(text, at + word.Length)) { return word.Length; }
        }

        return 0;
    }

    private static bool StandsAt(ReadOnlySpan<Rune> text, int at, string literal)
    {
        for (int i = 0; i < literal.Length; i++)
        {
            if (text[at + i].Value != literal[i]) { return false; }
        }

        return true;
    }
}
