using System.Security.Cryptography;
using System.Text;

namespace Ctwa.Grains.Channel;

/// <summary>The pulling end of a proven connection.</summary>
internal sealed class ChannelClient : IDisposable
{
    private readonly TensorChannelOptions _options;
    private readonly ChannelSession _session;

    private readonly SharedRing? _ring;

    private ChannelClient(ChannelSession session, SharedRing? ring, TensorChannelOptions options)
    {
        _session = session;
        _ring = ring;
        _options = options;
    }

    public Wire Wire => _session.Wire;

    public ChannelSession Session => _session;

    /// <summary>Whether bytes come through shared memory.</summary>
    public bool Shared => _ring is not null;

    /// <summary>Connects and proves; the operation's cancellation ends it.</summary>
    public static ChannelClient Connect(TensorPeer peer, TensorChannelOptions options, PullOperation operation)
    {
        var endpoint = peer.Endpoint;
        if (options.Secret is null && !Loopback.Is(endpoint.Host)) { throw new TensorRefusedException(TensorRefusal.Unauthenticated, $"A tensor channel without a secret pulls from loopback only, not from {endpoint.Host}; give all silos the grid's secret."); }
        var wire = ChannelDialer.Connect(endpoint, options, operation);
        try
        {
            using var guard = new WireGuard(wire, options.HandshakeDeadline);
            return guard.Run(() => Prove(wire, options, peer.Bulk));
        }
        catch
        {
            wire.Dispose();
            throw;
        }
    }

    /// <summary>Copies a range to memory.</summary>
    public void Pull(in TensorRequest request, nint destination, TensorPeer peer, ref bool answered)
    {
        _session.Send(request, _options.Deadline);
        long position = 0;
        do
        {
            long left = request.Length - position;
            var frame = _session.Receive(_options.Deadline);
            answered = true;
            peer.Progressed();
            switch (frame.Kind)
            {
                case FrameKind.Chunk when frame.Position == position && frame.Length >= 0 && frame.Length <= left && (frame.Length > 0 || left == 0):
                    var piece = UnmanagedBytes.At(destination + (nint)position, frame.Length);
                    Wire.Receive(piece, _options.Deadline);
                    Verify(piece, frame, request);
                    position += frame.Length;
                    break;
                case FrameKind.SharedChunk when _ring is { } ring && frame.Position == position && frame.Detail < ring.Slots && frame.Length >= 0 && frame.Length <= Math.Min(left, ring.SlotBytes) && (frame.Length > 0 || left == 0):
                    var copy = UnmanagedBytes.At(destination + (nint)position, frame.Length);
                    ring.Slot((int)frame.Detail, frame.Length).CopyTo(copy);
                    // The copy is what is checked: what is shared might still change.
                    Verify(copy, frame, request);
                    position += frame.Length;
                    _session.Send(new ChannelFrame(FrameKind.Acknowledgement, position, 0, 0, 0), _options.Deadline);
                    break;
                case FrameKind.Refusal or FrameKind.Failed when position == 0:
                    string text = ReceiveText(frame);
                    throw frame.Kind == FrameKind.Refusal
                        ? new TensorRefusedException((TensorRefusal)frame.Detail, $"{Wire.Peer} refused a tensor ({(TensorRefusal)frame.Detail}): {text}")
                        : new IOException($"{Wire.Peer} failed to open a tensor: {text}");
                default:
                    throw new TensorCorruptException($"{Wire.Peer} sent a frame that does not belong at byte {position} of {request.Length}: {frame}.");
            }
        }
        while (position < request.Length);

        if (_ring is null) { _session.Send(new ChannelFrame(FrameKind.Acknowledgement, position, 0, 0, 0), _options.Deadline); }
    }

    public void Dispose()
    {
        _session.Dispose();
        _ring?.Dispose();
        Wire.Dispose();
    }

    private void Verify(ReadOnlySpan<byte> piece, in ChannelFrame frame, in TensorRequest request)
    {
        if (UnmanagedBytes.Checksum(piece) != frame.Checksum) { throw new TensorCorruptException($"Bytes {frame.Position} to {frame.Position + frame.Length} of {request.Length} from {Wire.Peer} arrived with another checksum than they were sent with ({request.Id})."); }
    }

    private string ReceiveText(in ChannelFrame frame)
    {
        if (frame.Length is < 0 or > ChannelFrame.MaxTextBytes) { throw new TensorCorruptException($"{Wire.Peer} sent a refusal with {frame.Length} bytes of text; at most {ChannelFrame.MaxTextBytes} are accepted."); }
        Span<byte> text = stackalloc byte[frame.Length];
        Wire.Receive(text, _options.Deadline);
        if (UnmanagedBytes.Checksum(text) != frame.Checksum) { throw new TensorCorruptException($"{Wire.Peer} sent a refusal whose text was changed on the way."); }
        return Encoding.UTF8.GetString(text);
    }

    /// <summary>The client's part of the handshake.</summary>
    public static ChannelClient Prove(Wire wire, TensorChannelOptions options, bool bulk)
    {
        wire.Authenticate(server: false);
        bool wantsMemory = options is { SharedMemory: true, Tls: null };
        byte[] key = ChannelHandshake.Key(options.Secret);
        Span<byte> nonce = stackalloc byte[ChannelHandshake.NonceBytes], hello = stackalloc byte[ChannelHandshake.HelloBytes], theirs = stackalloc byte[ChannelHandshake.HelloBytes];
        RandomNumberGenerator.Fill(nonce);
        ChannelHandshake.WriteHello(hello, (ushort)((wantsMemory ? ChannelHandshake.WantsSharedMemory : 0) | (bulk ? ChannelHandshake.IsBulk : 0)), HandshakeStatus.Accepted, nonce);
        wire.Send(hello, options.HandshakeDeadline);
        try
        {
            wire.Receive(theirs, options.HandshakeDeadline);
        }
        catch (IOException error)
        {
            throw new IOException($"{wire.Peer} closed the connection at the first word; it may want TLS, or want none, unlike this silo, or not believe its certificate.", error);
        }

        if (!ChannelHandshake.HasMagic(theirs)) { throw new IOException($"What answers at {wire.Peer} is no tensor channel."); }
        if (ChannelHandshake.Status(theirs) is var status && status != HandshakeStatus.Accepted) { throw Refusal(wire, status, ChannelHandshake.Version(theirs)); }

        Span<byte> proof = stackalloc byte[ChannelHandshake.ProofBytes], answer = stackalloc byte[ChannelHandshake.AnswerBytes], expected = stackalloc byte[ChannelHandshake.ProofBytes];
        ChannelHandshake.ClientProof(key, hello, theirs, proof);
        wire.Send(proof, options.HandshakeDeadline);
        wire.Receive(answer, options.HandshakeDeadline);
        var said = HandshakeAnswer.Read(answer);
        if (said.Status != HandshakeStatus.Accepted) { throw Refusal(wire, said.Status, ChannelHandshake.Version(theirs)); }
        ChannelHandshake.ServerProof(key, hello, theirs, proof, answer[..HandshakeAnswer.HeadBytes], expected);
        if (!CryptographicOperations.FixedTimeEquals(expected, answer[HandshakeAnswer.HeadBytes..])) { throw new TensorRefusedException(TensorRefusal.Unauthenticated, $"What answers at {wire.Peer} does not know the grid's secret."); }
        var session = ChannelHandshake.Session(wire, server: false, key, hello, theirs);
        return new ChannelClient(session, said.Slots > 0 ? AgreeOnRing(session, said, options) : null, options);
    }

    private static SharedRing? AgreeOnRing(ChannelSession session, in HandshakeAnswer said, TensorChannelOptions options)
    {
        var ring = options.SharedMemory ? SharedRing.Open(said.Name, said.Slots, said.SlotBytes, options.SharedFolder) : null;
        session.Send(new ChannelFrame(FrameKind.SharedSeen, 0, ring is null ? 0 : SharedRing.ProofBytes, ring is null ? 0u : 1u, 0), options.HandshakeDeadline);
        if (ring is not null) { session.Wire.Send(ring.Proof, options.HandshakeDeadline); }
        var agreed = session.Receive(options.HandshakeDeadline);
        if (agreed.Kind == FrameKind.SharedAgreed && agreed.Detail == 1 && ring is not null) { return ring; }
        ring?.Dispose();
        ChannelMetrics.SharedFallbacks.Add(1);
        return null;
    }

    private static Exception Refusal(Wire wire, HandshakeStatus status, ushort version)
    {
        ChannelMetrics.Refused(status.ToString(), server: false);
        return status switch
        {
            HandshakeStatus.Unauthenticated => new TensorRefusedException(TensorRefusal.Unauthenticated, $"{wire.Peer} says that this silo does not know the grid's secret; give all silos the same."),
            HandshakeStatus.OtherVersion => new IOException($"{wire.Peer} speaks version {version} of the tensor channel, this silo version {ChannelFrame.Version}; run the same release on all silos."),
            HandshakeStatus.Busy => new ChannelBusyException($"{wire.Peer} serves as many tensor connections as it may; raise its MaxConnectionsServed."),
            _ => new IOException($"{wire.Peer} refused the connection for an unknown reason ({(uint)status})."),
        };
    }
}
