using System.Globalization;
using System.Text;

namespace Ctwa.Client.Tests.Live;

/// <summary>
/// A terminal of the simplest kind: text, line ends, cursor up, erase below, colours. Everything else is an error of the test. Long lines
/// wrap, and wrap anew when the width changes, as in tmux and most terminals of today.
/// </summary>
internal sealed class FakeTerminal(int columns) : TextWriter
{
    // A logical line, and whether it was ended: rows are a matter of the width.
    private readonly List<StringBuilder> lines = [new()];
    private int line;

    public int Columns { get; set; } = columns;

    public override Encoding Encoding => Encoding.UTF8;

    /// <summary>Bytes that were sent.</summary>
    public int Sent { get; private set; }

    /// <summary>Everything that is to be seen, scrolled lines included; the empty line of the cursor left out.</summary>
    public string[] Lines => [.. lines.Select(text => text.ToString().TrimEnd()).Take(lines.Count - 1)];

    public override void Write(char value) => Write(value.ToString());

    public override void Write(string? value)
    {
        string text = value ?? "";
        Sent += Encoding.GetByteCount(text);
        for (int i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\n':
                    line++;
                    if (line == lines.Count) { lines.Add(new StringBuilder()); }
                    break;
                case '\r': break;
                case '\e':
                    int end = i + 2;
                    while (char.IsAsciiDigit(text[end]) || text[end] == ';') { end++; }
                    Act(text[end], text[(i + 2)..end]);
                    i = end;
                    break;
                case var c when char.IsControl(c): throw new InvalidOperationException($"control character {(int)c}");
                case var c:
                    lines[line].Append(c);
                    break;
            }
        }
    }

    private void Act(char command, string argument)
    {
        switch (command)
        {
            case 'A':
                // Rows, not lines: a wrapped line has several.
                int up = int.Parse(argument, CultureInfo.InvariantCulture);
                while (up > 0 && line > 0)
                {
                    line--;
                    up -= Math.Max(1, (lines[line].Length + Columns - 1) / Columns);
                }

                if (up < 0) { throw new InvalidOperationException("the cursor stands in the middle of a wrapped line"); }
                break;
            case 'J':
                lines.RemoveRange(line, lines.Count - line);
                lines.Add(new StringBuilder());
                break;
            case 'm': break;
            default: throw new InvalidOperationException($"escape sequence {argument}{command}");
        }
    }
}
