using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace Ctwa.Grains.Channel;

/// <summary>The serving end of one connection, from its first byte to its last. Belongs to one thread.</summary>
internal sealed class ServedConnection(Wire wire, TensorChannelOptions options, ITensorSource source, ChannelLog log, Func<bool> admit)
{
    private ChannelSession? _session;
    private SharedRing? _ring;
    private UInt128 _ringName;

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
            _ring?.Dispose();
            wire.Dispose();
        }
    }

    private ChannelSession? Prove()
    {
        byte[] key = ChannelHandshake.Key(options.Secret);
        Span<byte> nonce = stackalloc byte[ChannelHandshake.NonceBytes], theirs = stackalloc byte[ChannelHandshake.HelloBytes], hello = stackalloc byte[ChannelHandshake.HelloBytes];
        wire.Authenticate(server: true);
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
        bool share = status == HandshakeStatus.Accepted && options is { SharedMemory: true, Tls: null } && wire.SameHost && (ChannelHandshake.Flags(theirs) & ChannelHandshake.WantsSharedMemory) != 0;
        if (share) { OfferRing(); }
        new HandshakeAnswer(status, _ring?.Slots ?? 0, _ring?.SlotBytes ?? 0, _ringName).Write(answer);
        // Who has proven nothing gets no proof either.
        if (status != HandshakeStatus.Unauthenticated) { ChannelHandshake.ServerProof(key, theirs, hello, proof, answer[..HandshakeAnswer.HeadBytes], answer[HandshakeAnswer.HeadBytes..]); }
        wire.Send(answer, options.HandshakeDeadline);
        if (status == HandshakeStatus.Unauthenticated) { throw new TensorRefusedException(TensorRefusal.Unauthenticated, "it does not know the grid's secret"); }
        if (status == HandshakeStatus.Busy)
        {
            ChannelMetrics.Refused(nameof(HandshakeStatus.Busy), server: true);
            return null;
        }

        if ((ChannelHandshake.Flags(theirs) & ChannelHandshake.IsBulk) != 0) { ChannelThread.StandBack(); }
        var session = ChannelHandshake.Session(wire, server: true, key, theirs, hello);
        if (_ring is not null) { AgreeOnRing(session); }
        return session;
    }

    private void OfferRing()
    {
        Span<byte> random = stackalloc byte[16];
        RandomNumberGenerator.Fill(random);
        _ringName = BinaryPrimitives.ReadUInt128LittleEndian(random);
        _ring = SharedRing.Create(_ringName, options.SharedSlots, options.SharedSlotBytes, options.SharedFolder);
        if (_ring is null) { ChannelMetrics.SharedFallbacks.Add(1); }
    }

    private void AgreeOnRing(ChannelSession session)
    {
        Span<byte> seen = stackalloc byte[SharedRing.ProofBytes];
        var frame = session.Receive(options.HandshakeDeadline);
        if (frame.Kind != FrameKind.SharedSeen || (frame.Detail == 1 && frame.Length != SharedRing.ProofBytes)) { throw new TensorCorruptException($"{wire.Peer} sent {frame} where it says whether it sees the shared memory."); }
        if (frame.Detail == 1) { wire.Receive(seen, options.HandshakeDeadline); }
        bool agreed = frame.Detail == 1 && CryptographicOperations.FixedTimeEquals(seen, _ring!.Proof);
        session.Send(new ChannelFrame(FrameKind.SharedAgreed, 0, 0, agreed ? 1u : 0, 0), options.HandshakeDeadline);
        _ring!.Unlink();
        if (agreed) { return; }
        _ring.Dispose();
        _ring = null;
        ChannelMetrics.SharedFallbacks.Add(1);
    }

    private void Serve(in TensorRequest request, string host)
    {
        long start = Stopwatch.GetTimestamp();
        using var span = ChannelTrace.Serve(request);
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
            if (_ring is null) { SendRange(request, lease.Address); } else { ShareRange(_ring, request, lease.Address); }
        }

        ChannelMetrics.Sent.Add(request.Length);
        ChannelMetrics.Transferred(start, server: true, shared: _ring is not null);
    }

    private void SendRange(in TensorRequest request, nint address)
    {
        long position = 0;
        do
        {
            var piece = UnmanagedBytes.At(address + (nint)position, (int)Math.Min(options.ChunkBytes, request.Length - position));
            _session!.Send(new ChannelFrame(FrameKind.Chunk, position, piece.Length, 0, UnmanagedBytes.Checksum(piece)), options.Deadline, more: !piece.IsEmpty);
            wire.Send(piece, options.Deadline);
            position += piece.Length;
        }
        while (position < request.Length);
        ReceiveAcknowledgement(position);
    }

    /// <summary>Fills slots while the client empties others; each is acknowledged before it is filled again.</summary>
    private void ShareRange(SharedRing ring, in TensorRequest request, nint address)
    {
        long position = 0, acknowledged = 0;
        for (uint slot = 0; position < request.Length || position == 0; slot = (slot + 1) % (uint)ring.Slots)
        {
            if (position - acknowledged == (long)ring.Slots * ring.SlotBytes) { acknowledged = ReceiveAcknowledgement(acknowledged + ring.SlotBytes); }
            var piece = UnmanagedBytes.At(address + (nint)position, (int)Math.Min(ring.SlotBytes, request.Length - position));
            var slotBytes = ring.Slot((int)slot, piece.Length);
            piece.CopyTo(slotBytes);
            _session!.Send(new ChannelFrame(FrameKind.SharedChunk, position, piece.Length, slot, UnmanagedBytes.Checksum(slotBytes)), options.Deadline);
            position += piece.Length;
            if (piece.IsEmpty) { break; }
        }

        do
        {
            acknowledged = ReceiveAcknowledgement(Math.Min(acknowledged + ring.SlotBytes, request.Length));
        }
        while (acknowledged < request.Length);
    }

    private long ReceiveAcknowledgement(long position)
    {
        var frame = _session!.Receive(options.Deadline);
        if (frame.Kind != FrameKind.Acknowledgement || frame.Position != position) { throw new TensorCorruptException($"{wire.Peer} sent {frame} where it acknowledges {position} bytes."); }
        return position;
    }

    private void SendText(FrameKind kind, uint detail, string message)
    {
        Span<byte> text = stackalloc byte[ChannelFrame.MaxTextBytes];
        // Cut at a character's boundary.
        Encoding.UTF8.GetEncoder().Convert(message, text, flush: true, out _, out int length, out _);
        text = text[..length];
        _session!.Send(new ChannelFrame(kind, 0, text.Length, detail, UnmanagedBytes.Checksum(text)), options.Deadline, more: !text.IsEmpty);
        wire.Send(text, options.Deadline);
    }
}
