using Ctwa.Client.Output;
using Xunit;

namespace Ctwa.Client.Tests.Output;

public sealed class LastingWriterTests
{
    [Fact]
    public void It_passes_text_on_until_the_stream_fails_and_then_drops_it()
    {
        var stream = new ClosingStream(until: 12);
        using var inner = new StreamWriter(stream) { AutoFlush = true, NewLine = "\n" };
        using var writer = new LastingWriter(inner) { NewLine = "\n" };
        writer.WriteLine("first");
        writer.Write('s');
        writer.Write("econd");
        writer.Write(['!', '!'], 0, 2);
        writer.WriteLine("dropped");
        writer.Flush();
        Assert.Equal("first\nsecond", stream.Text);
    }

    /// <summary>A terminal that goes away after so many bytes.</summary>
    private sealed class ClosingStream(int until) : MemoryStream
    {
        public string Text => System.Text.Encoding.UTF8.GetString(ToArray());

        public override void Write(byte[] buffer, int offset, int count)
        {
            if (Length + count > until) { throw new IOException("Input/output error"); }
            base.Write(buffer, offset, count);
        }
    }
}
