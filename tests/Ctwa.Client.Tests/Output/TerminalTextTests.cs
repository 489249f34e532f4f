using Ctwa.Client.Output;
using Xunit;

namespace Ctwa.Client.Tests.Output;

public sealed class TerminalTextTests
{
    [Theory]
    [InlineData("plain ä 数 ✓", "plain ä 数 ✓")]
    [InlineData("\e[31mred\e[0m", "?[31mred?[0m")]
    [InlineData("\u009b31m \u0085 \u007f \b \0", "?31m ? ? ? ?")]
    [InlineData("a\u202Egnp.exe \u2066x\u2069 \u200f \u2028", "a?gnp.exe ?x? ? ?")]
    [InlineData("two\nlines\r\tand a tab", "two\nlines?\tand a tab")]
    public async Task What_a_terminal_would_act_on_becomes_visible(string text, string shown)
    {
        Assert.Equal(shown, TerminalText.Lines(text));
        Assert.Equal(shown.Replace('\n', '?').Replace('\t', '?'), TerminalText.Line(text));
        using var inner = new StringWriter();
        await using var writer = new CleanWriter(inner);
        writer.Write(text);
        await writer.WriteAsync(text.AsMemory(), TestContext.Current.CancellationToken);
        foreach (char c in text) { writer.Write(c); }
        await writer.WriteLineAsync(text);
        Assert.Equal(shown + shown + shown + shown + "\n", inner.ToString());
        Assert.Same(inner, CleanWriter.Behind(writer));
    }
}
