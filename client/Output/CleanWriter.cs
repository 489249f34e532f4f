using System.Text;

namespace Ctwa.Client.Output;

/// <summary>Passes text on without what a terminal would act on: names and messages of a grid are others' words (<see cref="TerminalText"/>).</summary>
/// <param name="inner">Where it goes.</param>
internal sealed class CleanWriter(TextWriter inner) : TextWriter
{
    /// <summary>The writer behind it, for what draws on the terminal on purpose.</summary>
    public TextWriter Inner => inner;

    public override Encoding Encoding => inner.Encoding;

    /// <summary>What a writer passes its text on to, if it is one of these; else itself.</summary>
    public static TextWriter Behind(TextWriter writer) => writer is CleanWriter clean ? clean.Inner : writer;

    public override void Write(char value) => inner.Write(TerminalText.Lines(value.ToString()));

    public override void Write(string? value)
    {
        if (value is not null) { inner.Write(TerminalText.Lines(value)); }
    }

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    public override void Write(ReadOnlySpan<char> buffer) => Write(new string(buffer));

    public override void WriteLine(string? value) => inner.Write(TerminalText.Lines(value ?? "") + '\n');

    public override void Flush() => inner.Flush();
}
