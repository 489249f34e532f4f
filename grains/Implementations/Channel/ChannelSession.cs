using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Ctwa.Grains.Channel;

/// <summary>
/// A proven connection: frames travel with a tag, HMAC-SHA256 cut to 128 bits, over their head and their number in this direction, by a
/// key that belongs to this connection and direction. So a frame cannot be changed, repeated, left out or moved to another connection.
/// The payload has a checksum in the frame's head, which protects against accidents; against people on the line there is TLS.
/// </summary>
internal sealed class ChannelSession : IDisposable
{
    public const int TagBytes = 16;

    private readonly Wire _wire;
    private readonly IncrementalHash _outgoing, _incoming;
    private ulong _sent, _received;

    /// <param name="wire">The connection.</param>
    /// <param name="outgoingKey">Key of what this end sends.</param>
    /// <param name="incomingKey">Key of what this end receives.</param>
    public ChannelSession(Wire wire, ReadOnlySpan<byte> outgoingKey, ReadOnlySpan<byte> incomingKey)
    {
        _wire = wire;
        _outgoing = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, outgoingKey);
        _incoming = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, incomingKey);
    }

    public Wire Wire => _wire;

    public void Send(in ChannelFrame frame, TimeSpan deadline, bool more = false)
    {
        Span<byte> bytes = stackalloc byte[ChannelFrame.Bytes + TagBytes];
        frame.Write(bytes);
        Seal(bytes);
        _wire.Send(bytes, deadline, more);
    }

    public void Send(in TensorRequest request, TimeSpan deadline)
    {
        Span<byte> bytes = stackalloc byte[RequestFrame.Bytes + TagBytes];
        bytes.Clear();
        RequestFrame.Write(request, bytes);
        Seal(bytes);
        _wire.Send(bytes, deadline);
    }

    /// <exception cref="TensorCorruptException">It is no frame of this connection.</exception>
    public ChannelFrame Receive(TimeSpan deadline)
    {
        Span<byte> bytes = stackalloc byte[ChannelFrame.Bytes + TagBytes];
        _wire.Receive(bytes, deadline);
        Open(bytes);
        return ChannelFrame.Read(bytes);
    }

    /// <summary>The next request; it may be long in coming, but not in arriving.</summary>
    /// <exception cref="TensorCorruptException">It is no request of this connection.</exception>
    public TensorRequest ReceiveRequest(TimeSpan idle, TimeSpan deadline)
    {
        Span<byte> bytes = stackalloc byte[RequestFrame.Bytes + TagBytes];
        _wire.Receive(bytes[..1], idle);
        _wire.Receive(bytes[1..], deadline);
        Open(bytes);
        if (ChannelFrame.Read(bytes).Kind != FrameKind.Request) { throw new TensorCorruptException($"{_wire.Peer} sent a frame of another kind where a request belongs."); }
        return RequestFrame.Read(bytes);
    }

    public void Dispose()
    {
        _outgoing.Dispose();
        _incoming.Dispose();
    }

    private void Seal(Span<byte> bytes) => Tag(_outgoing, bytes[..^TagBytes], _sent++, bytes[^TagBytes..]);

    private void Open(ReadOnlySpan<byte> bytes)
    {
        Span<byte> expected = stackalloc byte[TagBytes];
        Tag(_incoming, bytes[..^TagBytes], _received++, expected);
        if (!CryptographicOperations.FixedTimeEquals(expected, bytes[^TagBytes..])) { throw new TensorCorruptException($"{_wire.Peer} sent a frame whose tag is wrong: it was changed on the way or comes from someone else."); }
        if (!ChannelFrame.Begins(bytes)) { throw new TensorCorruptException($"{_wire.Peer} sent a frame that does not begin as one of version {ChannelFrame.Version} does."); }
    }

    private static void Tag(IncrementalHash key, ReadOnlySpan<byte> head, ulong number, Span<byte> tag)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(counter, number);
        key.AppendData(head);
        key.AppendData(counter);
        Span<byte> whole = stackalloc byte[SHA256.HashSizeInBytes];
        key.GetHashAndReset(whole);
        whole[..TagBytes].CopyTo(tag);
    }
}
