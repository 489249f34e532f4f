using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;

namespace Ctwa.Silo.Hosting.Web;

/// <summary>
/// Builds HTML from interpolated strings: what is written in them is markup, and what is put into their holes is text, or another
/// <see cref="Html"/>. So nothing that comes from elsewhere can become markup.
/// </summary>
internal sealed class Html
{
    // What a browser would choke on, or a reader scroll over for ever.
    private const int LongestText = 4000;

    private readonly StringBuilder _text = new();

    public Html Add([InterpolatedStringHandlerArgument("")] Handler markup)
    {
        _ = markup;
        return this;
    }

    /// <summary>Markup of this program's own.</summary>
    public Html AddTrusted(string markup)
    {
        _text.Append(markup);
        return this;
    }

    public override string ToString() => _text.ToString();

    /// <summary>Filled by the compiler.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Handler
    {
        private readonly StringBuilder _text;

        /// <param name="literalLength">Characters of markup.</param>
        /// <param name="holes">How many texts there are between.</param>
        /// <param name="html">What is built.</param>
        public Handler(int literalLength, int holes, Html html)
        {
            _text = html._text;
            _text.EnsureCapacity(_text.Length + literalLength + (holes * 16));
        }

        public void AppendLiteral(string markup) => _text.Append(markup);

        public void AppendFormatted(string? text)
        {
            if (text is null) { return; }
            _text.Append(HtmlEncoder.Default.Encode(text.Length <= LongestText ? text : text[..LongestText] + "…"));
        }

        public void AppendFormatted(int number) => _text.Append(CultureInfo.InvariantCulture, $"{number}");

        public void AppendFormatted(long number) => _text.Append(CultureInfo.InvariantCulture, $"{number}");

        public void AppendFormatted(Html html) => _text.Append(html._text);
    }
}
