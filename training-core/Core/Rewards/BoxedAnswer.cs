namespace Ctwa.Training.Rewards;

/// <summary>Finds the final answer of a response: the content of its last <c>\boxed</c> or <c>\fbox</c>, whatever its form.</summary>
internal static class BoxedAnswer
{
    private static readonly string[] Commands = [@"\boxed", @"\fbox"];

    /// <summary>
    /// Content of the last box, trimmed: <c>\boxed{3}</c>, <c>\boxed {3}</c>, <c>\boxed 3</c>, and the same with <c>\fbox</c>.
    /// Without braces it is the next word, as TeX would take the next token. Null if there is no box, or if the last
    /// one is empty or was cut off before its brace closed.
    /// </summary>
    public static string? Last(string text)
    {
        for (int at = text.Length - 1; at >= 0; at--)
        {
            if (text[at] != '\\') { continue; }
            foreach (string command in Commands)
            {
                if (text.AsSpan(at).StartsWith(command, StringComparison.Ordinal) && !IsLetterAt(text, at + command.Length))
                {
                    return Content(text, at + command.Length) is { } content && content.Trim() is { Length: > 0 } answer ? answer : null;
                }
            }
        }

        return null;
    }

    private static bool IsLetterAt(string text, int index) => index < text.Length && char.IsAsciiLetter(text[index]);

    private static string? Content(string text, int start)
    {
        while (start < text.Length && char.IsWhiteSpace(text[start])) { start++; }
        if (start == text.Length) { return null; }
        if (text[start] == '{') { return ClosingBrace(text, start) is var end and >= 0 ? text[(start + 1)..end] : null; }
        int stop = start;
        while (stop < text.Length && !char.IsWhiteSpace(text[stop]) && text[stop] is not ('$' or '}'))
        {
            if (text[stop] == '\\') { stop = Math.Min(stop + 2, text.Length); continue; }
            if (text[stop] != '{') { stop++; continue; }
            int end = ClosingBrace(text, stop);
            if (end < 0) { return null; }
            stop = end + 1;
        }

        return text[start..stop].TrimEnd('.', ',', ';', ':');
    }

    /// <summary>Index of the brace that closes the one at <paramref name="open"/>, or −1. Escaped braces do not count.</summary>
    private static int ClosingBrace(string text, int open)
    {
        int depth = 0;
        for (int i = open; i < text.Length; i++)
        {
            if (text[i] == '\\') { i++; continue; }
            if (text[i] == '{') { depth++; }
            if (text[i] == '}' && --depth == 0) { return i; }
        }

        return -1;
    }
}
