using System.Security.Cryptography;
using System.Text;

namespace Ctwa.Grains.Channel;

/// <summary>The pulling end of a proven connection.</summary>
internal sealed class ChannelClient : IDisposable
{
    private readonly TensorChannelOptions _options;
    private readonly ChannelSession _session;

    private ChannelClient(ChannelSession session, TensorChannelOptions options)
    {
        _session = session;
        _options = options;
    }

    public Wire Wire => _session.Wire;

    /// <summary>Whether bytes come through shared memory.</summary>
    public bool Shared { get; private init; }

    /// <summary>Connects and proves; the operation's cancellation ends it.</summary>
    public static ChannelClient Connect(TensorEndpoint endpoint, TensorChannelOptions options, PullOperation operation)
    {
        if (options.Secret is null && !Loopback.Is(endpoint.Host)) { throw new TensorRefusedException(TensorRefusal.Unauthenticated, $"A tensor channel without a secret pulls from loopback only, not from {endpoint.Host}; give all silos the grid's secret."); }
        var wire = ChannelDialer.Connect(endpoint, options, operation);
        try
        {
            using var guard = new WireGuard(wire, options.HandshakeDeadline);
            return guard.Run(() => new ChannelClient(Prove(wire, options), options));
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
            var frame = _session.Receive(_options.Deadline);
            answered = true;
            peer.Progressed();
            long left = request.Length - position;
            switch (frame.Kind)
            {
                case FrameKind.Chunk when frame.Position == position && frame.Length >= 0 && frame.Length <= left && (frame.Length > 0 || left == 0):
                    var piece = UnmanagedBytes.At(destination + (nint)position, frame.Length);
                    Wire.Receive(piece, _options.Deadline);
                    Verify(piece, frame, request);
                    position += frame.Length;
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

        _session.Send(new ChannelFrame(FrameKind.Acknowledgement, position, 0, 0, 0), _options.Deadline);
    }

    public void Dispose()
    {
        _session.Dispose();
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

    private static ChannelSession Prove(Wire wire, TensorChannelOptions options)
    {
        byte[] key = ChannelHandshake.Key(options.Secret);
        Span<byte> nonce = stackalloc byte[ChannelHandshake.NonceBytes], hello = stackalloc byte[ChannelHandshake.HelloBytes], theirs = stackalloc byte[ChannelHandshake.HelloBytes];
        RandomNumberGenerator.Fill(nonce);
        ChannelHandshake.WriteHello(hello, 0, HandshakeStatus.Accepted, nonce);
        wire.Send(hello, options.HandshakeDeadline);
        wire.Receive(theirs, options.HandshakeDeadline);
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
        return ChannelHandshake.Session(wire, server: false, key, hello, theirs);
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
