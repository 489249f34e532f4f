using System.Diagnostics;

namespace Ctwa.Grains.Channel;

/// <summary>
/// A connection's bytes, blocking. Threads that may block cost less here than asynchronous calls: nothing is allocated, and the kernel
/// copies straight between its buffers and the tensor. A deadline holds for a whole call, however slowly bytes trickle.
/// </summary>
internal abstract class Wire : IDisposable
{
    private TimeSpan _deadline;

    /// <summary>Address of the other end, for messages.</summary>
    public abstract string Peer { get; }

    /// <summary>Whether the other end is on this host, as far as addresses tell.</summary>
    public virtual bool SameHost => false;

    /// <summary>Whatever the transport itself has to say before the first byte.</summary>
    /// <exception cref="TensorRefusedException">The other end does not belong to the grid.</exception>
    public virtual void Authenticate(bool server)
    {
    }

    /// <summary>Fills the buffer.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="deadline">For all of it.</param>
    /// <exception cref="TimeoutException">It took longer than the deadline.</exception>
    /// <exception cref="IOException">The connection broke or ended.</exception>
    public void Receive(Span<byte> buffer, TimeSpan deadline)
    {
        _deadline = deadline;
        int whole = Milliseconds(deadline), timeout = whole, total = buffer.Length;
        long start = Stopwatch.GetTimestamp();
        while (!buffer.IsEmpty)
        {
            int received = ReceiveSome(buffer, timeout);
            if (received == 0) { throw new EndOfStreamException($"{Peer} closed the connection {total - buffer.Length} bytes into a part of {total}."); }
            buffer = buffer[received..];
            if (!buffer.IsEmpty) { timeout = Remaining(start, whole); }
        }
    }

    /// <summary>Sends all bytes.</summary>
    /// <param name="bytes">What.</param>
    /// <param name="deadline">For all of it.</param>
    /// <param name="more">More follows at once, and these may wait for it.</param>
    /// <exception cref="TimeoutException">It took longer than the deadline.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    public void Send(ReadOnlySpan<byte> bytes, TimeSpan deadline, bool more = false)
    {
        _deadline = deadline;
        int whole = Milliseconds(deadline), timeout = whole;
        long start = Stopwatch.GetTimestamp();
        while (!bytes.IsEmpty)
        {
            bytes = bytes[SendSome(bytes, timeout, more)..];
            if (!bytes.IsEmpty) { timeout = Remaining(start, whole); }
        }
    }

    /// <summary>Ends whatever blocks on this connection, from any thread.</summary>
    public abstract void Abort();

    public abstract void Dispose();

    /// <summary>Some bytes, at least one; 0 at the end.</summary>
    protected abstract int ReceiveSome(Span<byte> buffer, int timeoutMs);

    protected abstract int SendSome(ReadOnlySpan<byte> bytes, int timeoutMs, bool more);

    private static int Milliseconds(TimeSpan span) => (int)Math.Clamp(span.TotalMilliseconds, 1, int.MaxValue);

    // The socket's own timeout starts anew with every byte; it is shortened only when time has been lost, because that is a system call.
    private int Remaining(long start, int whole)
    {
        double left = whole - Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        if (left <= 0) { throw Late(); }
        return left > whole * 0.75 ? whole : Math.Max(1, (int)left);
    }

    protected TimeoutException Late() => new($"{Peer} let a read or write of the tensor channel take longer than {_deadline.TotalSeconds:0.###} s.");
}
