using Ctwa.Grains.Channel;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>
/// One end of a conversation in memory on one thread: what it sends lies in <see cref="Sent"/>; when it wants bytes and there are none,
/// a script writes the other end's next words, and when the script has none, the other end has left.
/// </summary>
internal sealed class MemoryWire(Func<MemoryWire, bool> script) : Wire
{
    private readonly List<byte> _incoming = [];
    private int _read;

    public override string Peer => "memory";

    public override bool SameHost => true;

    public List<byte> Sent { get; } = [];

    public bool Disposed { get; private set; }

    /// <summary>The other end says something.</summary>
    public void Say(ReadOnlySpan<byte> bytes) => _incoming.AddRange(bytes);

    /// <summary>The other end takes what this one sent.</summary>
    public byte[] TakeSent()
    {
        byte[] taken = [.. Sent];
        Sent.Clear();
        return taken;
    }

    public override void Abort() => Disposed = true;

    public override void Dispose() => Disposed = true;

    protected override int ReceiveSome(Span<byte> buffer, int timeoutMs)
    {
        while (_read == _incoming.Count)
        {
            if (!script(this)) { return 0; }
        }

        int count = Math.Min(buffer.Length, _incoming.Count - _read);
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_incoming).Slice(_read, count).CopyTo(buffer);
        _read += count;
        return count;
    }

    protected override int SendSome(ReadOnlySpan<byte> bytes, int timeoutMs, bool more)
    {
        Sent.AddRange(bytes);
        return bytes.Length;
    }
}
