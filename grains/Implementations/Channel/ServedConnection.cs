using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace Ctwa.Grains.Channel;

/// <summary>The serving end of one connection, from its first byte to its last. Belongs to one thread.</summary>
internal sealed class ServedConnection(Wire wire, TensorChannelOptions options, ITensorSource source, ChannelLog log, Func<bool> admit)
{
    private ChannelSession? _session;

    /// <summary>Serves until the peer leaves, breaks the protocol, or the wire is aborted. Throws nothing.</summary>
    /// <param name="host">Address of the peer without its port: what is logged once is logged once per host.</param>
    public void Run(string host)
    {
        string cause = "";
        try
        {
            using (var guard = new WireGuard(wire, options.HandshakeDeadline)) { _session = guard.Run(Prove); }
            if (_session is null) { return; }
            while (true) { Serve(_session.ReceiveRequest(options.IdleTimeout, options.Deadline), host); }
        }
        catch (TensorCorruptException error)
        {
            cause = "Violation";
            ChannelMetrics.Corrupt.Add(1);
            log.Refused(host, TensorRefusal.Unauthenticated, error.Message);
        }
        catch (TensorRefusedException error)
        {
            ChannelMetrics.Refused(error.Reason.ToString(), server: true);
            log.Refused(host, error.Reason, error.Message);
        }
        catch (EndOfStreamException)
        {
            cause = "Closed";
        }
        catch (TimeoutException)
        {
            cause = "Late";
        }
        catch (IOException)
        {
            cause = "Broken";
        }
        catch (Exception error)
        {
            cause = "Failed";
            log.Failed(host, error);
        }
        finally
        {
            if (cause.Length > 0) { ChannelMetrics.Broken(cause, server: true); }
            _session?.Dispose();
            wire.Dispose();
        }
    }

    private ChannelSession? Prove()
    {
        byte[] key = ChannelHandshake.Key(options.Secret);
        Span<byte> nonce = stackalloc byte[ChannelHandshake.NonceBytes], theirs = stackalloc byte[ChannelHandshake.HelloBytes], hello = stackalloc byte[ChannelHandshake.HelloBytes];
        wire.Receive(theirs, options.HandshakeDeadline);
        if (!ChannelHandshake.HasMagic(theirs)) { throw new TensorRefusedException(TensorRefusal.Unauthenticated, "its first bytes are not those of a tensor channel"); }
        bool alike = ChannelHandshake.Version(theirs) == ChannelFrame.Version;
        RandomNumberGenerator.Fill(nonce);
        ChannelHandshake.WriteHello(hello, 0, alike ? HandshakeStatus.Accepted : HandshakeStatus.OtherVersion, nonce);
        wire.Send(hello, options.HandshakeDeadline);
        if (!alike) { throw new TensorRefusedException(TensorRefusal.Unauthenticated, $"it speaks version {ChannelHandshake.Version(theirs)} of the tensor channel, this silo {ChannelFrame.Version}"); }

        Span<byte> proof = stackalloc byte[ChannelHandshake.ProofBytes], expected = stackalloc byte[ChannelHandshake.ProofBytes], answer = stackalloc byte[ChannelHandshake.AnswerBytes];
        wire.Receive(proof, options.HandshakeDeadline);
        ChannelHandshake.ClientProof(key, theirs, hello, expected);
        var status = !CryptographicOperations.FixedTimeEquals(expected, proof) ? HandshakeStatus.Unauthenticated : admit() ? HandshakeStatus.Accepted : HandshakeStatus.Busy;
        answer.Clear();
        new HandshakeAnswer(status, 0, 0, 0).Write(answer);
        // Who has proven nothing gets no proof either.
        if (status != HandshakeStatus.Unauthenticated) { ChannelHandshake.ServerProof(key, theirs, hello, proof, answer[..HandshakeAnswer.HeadBytes], answer[HandshakeAnswer.HeadBytes..]); }
        wire.Send(answer, options.HandshakeDeadline);
        if (status == HandshakeStatus.Unauthenticated) { throw new TensorRefusedException(TensorRefusal.Unauthenticated, "it does not know the grid's secret"); }
        if (status == HandshakeStatus.Busy)
        {
            ChannelMetrics.Refused(nameof(HandshakeStatus.Busy), server: true);
            return null;
        }

        return ChannelHandshake.Session(wire, server: true, key, theirs, hello);
    }

    private void Serve(in TensorRequest request, string host)
    {
        long start = Stopwatch.GetTimestamp();
        TensorLease lease;
        try
        {
            if (request.Offset < 0 || request.Length < 0 || request.Length > long.MaxValue - request.Offset) { throw new TensorRefusedException(TensorRefusal.OutOfRange, $"{request.Length} bytes at {request.Offset} are no range."); }
            lease = source.Open(request);
        }
        catch (TensorRefusedException error)
        {
            ChannelMetrics.Refused(error.Reason.ToString(), server: true);
            // Asking again for what is being made is how pulling works, no event.
            if (error.Reason != TensorRefusal.NotReady) { log.Refused(host, error.Reason, error.Message); }
            SendText(FrameKind.Refusal, (uint)error.Reason, error.Message);
            return;
        }
        catch (Exception error)
        {
            log.Failed(host, error);
            SendText(FrameKind.Failed, 0, error.GetType().Name);
            return;
        }

        using (lease)
        {
            SendRange(request, lease.Address);
            var end = _session!.Receive(options.Deadline);
            if (end.Kind != FrameKind.Acknowledgement || end.Position != request.Length) { throw new TensorCorruptException($"{wire.Peer} sent {end} where it acknowledges {request.Length} bytes."); }
        }

        ChannelMetrics.Sent.Add(request.Length);
        ChannelMetrics.Transferred(start, server: true, shared: false);
    }

    private void SendRange(in TensorRequest request, nint address)
    {
        long position = 0;
        do
        {
            var piece = UnmanagedBytes.At(address + (nint)position, (int)Math.Min(options.ChunkBytes, request.Length - position));
            _session!.Send(new ChannelFrame(FrameKind.Chunk, position, piece.Length, 0, UnmanagedBytes.Checksum(piece)), options.Deadline);
            wire.Send(piece, options.Deadline);
            position += piece.Length;
        }
        while (position < request.Length);
    }

    private void SendText(FrameKind kind, uint detail, string message)
    {
        Span<byte> text = stackalloc byte[ChannelFrame.MaxTextBytes];
        // Cut at a character's boundary.
        Encoding.UTF8.GetEncoder().Convert(message, text, flush: true, out _, out int length, out _);
        text = text[..length];
        _session!.Send(new ChannelFrame(kind, 0, text.Length, detail, UnmanagedBytes.Checksum(text)), options.Deadline);
        wire.Send(text, options.Deadline);
    }
}
