using System.Globalization;
using System.Security;
using System.Text;

namespace Ctwa.Client.Comparison;

/// <summary>Writes a picture of lines, boxes, dots and texts as SVG. Coordinates are pixels from the upper left corner.</summary>
internal sealed class Svg(int width, int height)
{
    private const string Font = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

    private readonly StringBuilder body = new();

    public void Box(double x, double y, double w, double h, string fill, double opacity = 1) =>
        Add($"<rect x=\"{At(x)}\" y=\"{At(y)}\" width=\"{At(Math.Max(0, w))}\" height=\"{At(h)}\" fill=\"{fill}\"{Opacity(opacity)}/>");

    public void Line(double x1, double y1, double x2, double y2, string stroke, double thickness = 1, string? dashes = null) =>
        Add($"<line x1=\"{At(x1)}\" y1=\"{At(y1)}\" x2=\"{At(x2)}\" y2=\"{At(y2)}\" stroke=\"{stroke}\" stroke-width=\"{At(thickness)}\"{(dashes is null ? "" : $" stroke-dasharray=\"{dashes}\"")}/>");

    public void Dot(double x, double y, double radius, string fill, string? stroke = null, double opacity = 1) =>
        Add($"<circle cx=\"{At(x)}\" cy=\"{At(y)}\" r=\"{At(radius)}\" fill=\"{fill}\"{(stroke is null ? "" : $" stroke=\"{stroke}\" stroke-width=\"1.5\"")}{Opacity(opacity)}/>");

    /// <param name="anchor"><c>start</c>, <c>middle</c> or <c>end</c>.</param>
    public void Text(double x, double y, string text, double size = 12, string anchor = "start", string fill = "#222222", bool bold = false) =>
        Add($"<text x=\"{At(x)}\" y=\"{At(y)}\" font-size=\"{At(size)}\" text-anchor=\"{anchor}\" fill=\"{fill}\"{(bold ? " font-weight=\"bold\"" : "")}>{SecurityElement.Escape(text)}</text>");

    /// <summary>The picture on a light background.</summary>
    /// <param name="description">For readers that cannot see it.</param>
    public string ToText(string description) => string.Create(CultureInfo.InvariantCulture, $"""
        <svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="{Font}" role="img">
        <title>{SecurityElement.Escape(description)}</title>
        <rect width="{width}" height="{height}" fill="#ffffff"/>
        {body}</svg>

        """).ReplaceLineEndings("\n");

    private static string At(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    private static string Opacity(double opacity) => opacity >= 1 ? "" : $" opacity=\"{At(opacity)}\"";

    private void Add(string element) => body.Append(element).Append('\n');
}
