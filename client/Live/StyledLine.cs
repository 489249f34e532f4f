using System.Text;
using Ctwa.Client.Output;

namespace Ctwa.Client.Live;

/// <summary>How a piece of text is shown; without colours all look alike.</summary>
internal enum LiveStyle { Normal, Bold, Dim, Good, Bad, Notice }

/// <summary>A line of the live view. Control characters of the texts are replaced.</summary>
internal sealed class StyledLine
{
    private readonly List<(string Text, LiveStyle Style)> _pieces = [];

    public StyledLine(string text = "", LiveStyle style = LiveStyle.Normal) => Add(text, style);

    /// <summary>Without styles.</summary>
    public string Text => string.Concat(_pieces.Select(piece => piece.Text));

    /// <summary>Columns on a terminal.</summary>
    public int Width => _pieces.Sum(piece => TerminalText.Width(piece.Text));

    public StyledLine Add(string text, LiveStyle style = LiveStyle.Normal)
    {
        if (text.Length > 0) { _pieces.Add((TerminalText.Line(text), style)); }
        return this;
    }

    /// <summary>Blanks up to a column.</summary>
    public StyledLine PadTo(int column) => Add(new string(' ', Math.Max(0, column - Width)));

    /// <summary>The line in at most so many columns.</summary>
    /// <param name="columns">Room.</param>
    /// <param name="color">With escape codes for styles.</param>
    /// <param name="cut">Marks a line that was cut.</param>
    public string Render(int columns, bool color, string cut)
    {
        var line = new StringBuilder();
        int left = columns;
        bool fits = Width <= columns;
        foreach (var (text, style) in _pieces)
        {
            int width = TerminalText.Width(text);
            bool last = !fits && width >= left;
            string shown = last ? TerminalText.Fit(text + " ", left, cut) : text;
            line.Append(color && Code(style) is { } code ? $"\e[{code}m{shown}\e[0m" : shown);
            left -= width;
            if (last) { break; }
        }

        return line.ToString();
    }

    private static string? Code(LiveStyle style) => style switch
    {
        LiveStyle.Bold => "1",
        LiveStyle.Dim => "90",
        LiveStyle.Good => "32",
        LiveStyle.Bad => "31",
        LiveStyle.Notice => "33",
        _ => null,
    };
}
