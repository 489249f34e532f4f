using System.Text;
using Ctwa.Client.Output;

namespace Ctwa.Client.Live;

/// <summary>
/// The bottom lines of a terminal, drawn again and again, with messages scrolling above them. Uses nothing but "cursor up" and "erase
/// below", sends a picture in one write, and only if it differs from the last: fit for slow lines.
/// </summary>
/// <param name="output">The terminal.</param>
/// <param name="color">Styles by escape codes.</param>
/// <param name="cut">Marks a line that was cut.</param>
internal sealed class LiveScreen(TextWriter output, bool color, string cut)
{
    private int[] drawn = [];
    private string shown = "";
    private int shownColumns;

    /// <summary>Replaces the picture.</summary>
    /// <param name="lines">New picture.</param>
    /// <param name="columns">Width of the terminal now.</param>
    /// <param name="above">Lines that stay, above the picture; they may hold several lines.</param>
    public void Draw(IReadOnlyList<StyledLine> lines, int columns, params IReadOnlyList<StyledLine> above)
    {
        // The last column stays free: writing into it leaves some terminals on that line and some on the next.
        int room = Math.Max(1, columns - 1);
        string[] texts = [.. lines.Select(line => line.Render(room, color, cut))];
        string picture = string.Join('\n', texts);
        if (picture == shown && columns == shownColumns && above.Count == 0) { return; }
        var frame = new StringBuilder();
        Erase(frame, columns);
        // What stays is wrapped by the terminal, not cut.
        foreach (var line in above) { frame.Append(line.Render(int.MaxValue, color, cut)).Append('\n'); }
        foreach (string text in texts) { frame.Append(text).Append('\n'); }
        output.Write(frame.ToString());
        output.Flush();
        drawn = [.. lines.Select(line => Math.Min(line.Width, room))];
        (shown, shownColumns) = (picture, columns);
    }

    private void Erase(StringBuilder frame, int columns)
    {
        if (drawn.Length == 0) { return; }
        // A terminal that became narrower has wrapped the lines that are there.
        int rows = drawn.Sum(width => Math.Max(1, (width + columns - 1) / Math.Max(1, columns)));
        frame.Append("\r\e[").Append(System.Globalization.CultureInfo.InvariantCulture, $"{rows}").Append("A\e[J");
    }
}
