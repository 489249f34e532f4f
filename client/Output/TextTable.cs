namespace Ctwa.Client.Output;

/// <summary>Plain text in columns and paragraphs.</summary>
internal static class TextTable
{
    /// <summary>Width of a terminal that nobody widened.</summary>
    public const int Width = 80;

    /// <summary>Rows in aligned columns, two blanks apart: the first column to the left, the others to the right; the last to the left if asked.</summary>
    public static IEnumerable<string> Align(IReadOnlyList<string[]> rows, bool lastToTheLeft)
    {
        rows = [.. rows.Select(row => (string[])[.. row.Select(TerminalText.Line)])];
        int columns = rows.Max(r => r.Length);
        int[] widths = [.. Enumerable.Range(0, columns).Select(c => rows.Max(r => c < r.Length ? r[c].Length : 0))];
        return rows.Select(row => string.Join("  ", row.Select((cell, c) =>
            c == 0 || (lastToTheLeft && c == columns - 1) ? cell.PadRight(widths[c]) : cell.PadLeft(widths[c]))).TrimEnd());
    }

    /// <summary>Rows in aligned columns, two blanks apart, all to the left. Cells may be others' words: control characters are replaced.</summary>
    public static IEnumerable<string> Left(IReadOnlyList<string[]> rows)
    {
        string[][] clean = [.. rows.Select(row => (string[])[.. row.Select(TerminalText.Line)])];
        int[] widths = [.. Enumerable.Range(0, clean.Max(row => row.Length)).Select(c => clean.Max(row => c < row.Length ? TerminalText.Width(row[c]) : 0))];
        return clean.Select(row => string.Join("  ", row.Select((cell, c) => cell + new string(' ', widths[c] - TerminalText.Width(cell)))).TrimEnd());
    }

    /// <summary>Breaks a paragraph at blanks; a word longer than a line keeps its own line.</summary>
    public static IEnumerable<string> Wrap(string text, int width = Width, string indent = "")
    {
        string line = "";
        foreach (string word in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && indent.Length + line.Length + 1 + word.Length > width)
            {
                yield return indent + line;
                line = word;
            }
            else
            {
                line = line.Length == 0 ? word : $"{line} {word}";
            }
        }

        if (line.Length > 0) { yield return indent + line; }
    }
}
