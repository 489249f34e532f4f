using System.Text;

namespace Ctwa.Client.Output;

/// <summary>
/// Standard output or error of a command that may outlive its terminal: from the first failure on, what is written is
/// dropped. A closed window must not cost the checkpoint that the hang-up asks for.
/// </summary>
internal sealed class LastingWriter(TextWriter inner) : TextWriter
{
    private bool lost;

    public override Encoding Encoding => inner.Encoding;

    /// <summary>Puts itself in front of the process's standard streams.</summary>
    public static void Install()
    {
        Console.SetOut(new LastingWriter(Console.Out));
        Console.SetError(new LastingWriter(Console.Error));
    }

    public override void Write(char value) => Write([value]);

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(ReadOnlySpan<char> buffer)
    {
        if (lost) { return; }
        try { inner.Write(buffer); }
        catch (IOException) { lost = true; }
    }

    public override void Flush()
    {
        if (lost) { return; }
        try { inner.Flush(); }
        catch (IOException) { lost = true; }
    }
}
