using Ctwa.Grains.Channel;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>
/// Both parsers of the protocol against changed, cut, invented and correctly signed but senseless bytes: nothing but the errors that are
/// meant for it, nothing that waits, nothing allocated because a number says so.
/// </summary>
public sealed class ChannelFuzzTests
{
    private const int TensorBytes = 20_000;

    // What a conversation of frames may allocate: hash objects, log lines, messages. A length field could ask for gigabytes.
    private const long AllowedBytes = 1_000_000;

    private static readonly TensorChannelOptions s_options = ChannelPair.Plain with { ChunkBytes = 4096, Deadline = TimeSpan.FromSeconds(5) };

    [Fact]
    public void The_server_survives_20000_hostile_conversations()
    {
        var log = new ListLogger();
        using var tensor = UnmanagedTensor.Filled(TensorBytes, 1);
        var tensors = new TestTensors { Epoch = 3 };
        tensors.Offer(1, tensor);
        long worst = 0;
        int served = 0;
        for (int i = 0; i < 20_000; i++)
        {
            var wire = new MemoryWire(new HostileClient(new Lcg((ulong)i)).Speak);
            long before = GC.GetAllocatedBytesForCurrentThread();
            new ServedConnection(wire, s_options, tensors, new ChannelLog(log), () => true).Run("memory");
            worst = Math.Max(worst, GC.GetAllocatedBytesForCurrentThread() - before - (4L * wire.Sent.Capacity));
            Assert.True(wire.Disposed, $"conversation {i} left its connection open");
            Assert.True(tensors.Held == 0, $"conversation {i} left a lease");
            served += wire.Sent.Count > TensorBytes ? 1 : 0;
        }

        Assert.DoesNotContain(log.Lines, line => line.Level >= LogLevel.Error);
        Assert.InRange(worst, 1, AllowedBytes);
        // The conversations reach as far as the tensors themselves, else they would test the handshake only.
        Assert.InRange(served, 100, 20_000);
    }

    [Fact]
    public void The_client_survives_20000_hostile_answers_and_writes_nowhere_else()
    {
        using var destination = new UnmanagedTensor(TensorBytes + 8192);
        var peer = new TensorPeer(new TensorEndpoint("memory", 1), false, s_options, _ => { });
        var request = new TensorRequest(TestTensors.Id(1), 3, 0, TensorBytes);
        int whole = 0;
        for (int i = 0; i < 20_000; i++)
        {
            destination.Bytes[TensorBytes..].Fill(0xAB);
            var wire = new MemoryWire(new HostileServer(new Lcg((ulong)i)).Speak);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var client = ChannelClient.Prove(wire, s_options, bulk: false);
                bool answered = false;
                client.Pull(request, destination.Address, peer, ref answered);
                whole++;
            }
            catch (Exception error) when (error is IOException or TensorRefusedException)
            {
                Assert.False(string.IsNullOrWhiteSpace(error.Message));
            }

            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before - (4L * wire.Sent.Capacity) < AllowedBytes + (8 * TensorBytes), $"conversation {i} allocated");
            Assert.True(destination.Bytes[TensorBytes..].IndexOfAnyExcept((byte)0xAB) < 0, $"conversation {i} wrote behind the destination");
        }

        Assert.InRange(whole, 100, 20_000);
    }

    /// <summary>What a client says that knows the secret, or not, and means harm.</summary>
    private sealed class HostileClient(Lcg random)
    {
        private readonly byte[] _key = ChannelHandshake.Key(s_options.Secret), _hello = new byte[ChannelHandshake.HelloBytes];
        // How far it behaves: 0 not at all, 1 hello, 2 proof, 3 and more frames that are signed.
        private readonly int _good = random.Below(8);
        private ChannelSession? _session;
        private byte[] _theirs = [];
        private int _step;

        public bool Speak(MemoryWire wire)
        {
            if (_step > 12) { return false; }
            byte[] words = _step++ switch
            {
                0 => Hello(),
                1 => Proof(wire),
                _ => Frame(wire),
            };
            if (_step > _good && !(_good > 2 && _step <= _good + 2)) { words = random.Mangle(words); }
            wire.Say(words);
            return words.Length > 0 || _step < 3;
        }

        private byte[] Hello()
        {
            ChannelHandshake.WriteHello(_hello, (ushort)(random.Below(10) == 0 ? 1 : 0), HandshakeStatus.Accepted, new byte[32]);
            return [.. _hello];
        }

        private byte[] Proof(MemoryWire wire)
        {
            byte[] proof = new byte[ChannelHandshake.ProofBytes];
            _theirs = wire.TakeSent();
            if (_theirs.Length == ChannelHandshake.HelloBytes) { ChannelHandshake.ClientProof(_key, _hello, _theirs, proof); }
            return proof;
        }

        private byte[] Frame(MemoryWire wire)
        {
            if (_theirs.Length != ChannelHandshake.HelloBytes) { return random.Bytes(random.Below(200)); }
            var mine = new MemoryWire(_ => false);
            _session ??= ChannelHandshake.Session(new Forwarding(() => mine), server: false, _key, _hello, _theirs);
            Forwarding.Target = mine;
            switch (random.Below(8))
            {
                case < 4:
                    long length = random.Below(3) == 0 ? random.Edge() : random.Below(TensorBytes), offset = random.Below(3) == 0 ? random.Edge() : 0;
                    _session.Send(new TensorRequest(TestTensors.Id(random.Below(10) == 0 ? (int)random.Edge() : 1), random.Below(5) == 0 ? random.Edge() : 3, offset, random.Below(4) == 0 ? TensorBytes : length), TimeSpan.FromSeconds(1));
                    if (random.Below(2) == 0) { _session.Send(new ChannelFrame(FrameKind.Acknowledgement, random.Below(3) == 0 ? length : TensorBytes, 0, 0, 0), TimeSpan.FromSeconds(1)); }
                    break;
                default:
                    _session.Send(new ChannelFrame((FrameKind)random.Below(12), random.Edge(), (int)random.Edge(), (uint)random.Edge(), (ulong)random.Edge()), TimeSpan.FromSeconds(1));
                    break;
            }

            return mine.TakeSent();
        }
    }

    /// <summary>What a server says that knows the secret, or not, and means harm.</summary>
    private sealed class HostileServer(Lcg random)
    {
        private readonly byte[] _key = ChannelHandshake.Key(s_options.Secret), _hello = new byte[ChannelHandshake.HelloBytes];
        private readonly int _good = random.Below(8);
        private ChannelSession? _session;
        private byte[] _theirs = [];
        private long _position;
        private int _step;

        public bool Speak(MemoryWire wire)
        {
            if (_step > 12) { return false; }
            byte[] words = _step++ switch
            {
                0 => Hello(wire),
                1 => Answer(wire),
                _ => Frame(),
            };
            if (_step > _good && _good < 6) { words = random.Mangle(words); }
            wire.Say(words);
            return words.Length > 0 || _step < 3;
        }

        private byte[] Hello(MemoryWire wire)
        {
            _theirs = wire.TakeSent();
            ChannelHandshake.WriteHello(_hello, 0, random.Below(20) == 0 ? (HandshakeStatus)random.Edge() : HandshakeStatus.Accepted, new byte[32]);
            return [.. _hello];
        }

        private byte[] Answer(MemoryWire wire)
        {
            byte[] answer = new byte[ChannelHandshake.AnswerBytes], proof = wire.TakeSent();
            // Sometimes it offers memory that is not there, in numbers that are none.
            bool offers = random.Below(10) == 0;
            new HandshakeAnswer(random.Below(20) == 0 ? (HandshakeStatus)random.Edge() : HandshakeStatus.Accepted, offers ? (int)random.Edge() : 0, offers ? (int)random.Edge() : 0, (UInt128)random.Next()).Write(answer);
            ChannelHandshake.ServerProof(_key, _theirs, _hello, proof, answer.AsSpan(0, HandshakeAnswer.HeadBytes), answer.AsSpan(HandshakeAnswer.HeadBytes));
            return answer;
        }

        private byte[] Frame()
        {
            var mine = new MemoryWire(_ => false);
            _session ??= ChannelHandshake.Session(new Forwarding(() => mine), server: true, _key, _theirs, _hello);
            Forwarding.Target = mine;
            byte[] piece = random.Bytes(random.Below(5) == 0 ? random.Below(9000) : (int)Math.Min(4096, Math.Max(0, TensorBytes - _position)));
            switch (random.Below(12))
            {
                case < 9:
                    _session.Send(new ChannelFrame(FrameKind.Chunk, _position, piece.Length, 0, UnmanagedBytes.Checksum(piece)), TimeSpan.FromSeconds(1));
                    mine.Say(piece);
                    _position += piece.Length;
                    return [.. mine.TakeSent(), .. piece];
                case 9:
                    _session.Send(new ChannelFrame(random.Below(2) == 0 ? FrameKind.Refusal : FrameKind.Failed, 0, random.Below(2) == 0 ? piece.Length : (int)random.Edge(), (uint)random.Edge(), UnmanagedBytes.Checksum(piece)), TimeSpan.FromSeconds(1));
                    return [.. mine.TakeSent(), .. piece];
                default:
                    _session.Send(new ChannelFrame((FrameKind)random.Below(12), random.Below(2) == 0 ? _position : random.Edge(), (int)random.Edge(), (uint)random.Edge(), (ulong)random.Edge()), TimeSpan.FromSeconds(1));
                    return [.. mine.TakeSent(), .. piece];
            }
        }
    }

    /// <summary>Lets one session write into whatever buffer is current.</summary>
    private sealed class Forwarding(Func<MemoryWire> first) : Wire
    {
        [ThreadStatic]
        public static MemoryWire? Target;

        public override string Peer => "forwarding";

        public override void Abort()
        {
        }

        public override void Dispose()
        {
        }

        protected override int ReceiveSome(Span<byte> buffer, int timeoutMs) => 0;

        protected override int SendSome(ReadOnlySpan<byte> bytes, int timeoutMs, bool more)
        {
            (Target ?? first()).Sent.AddRange(bytes);
            return bytes.Length;
        }
    }

    /// <summary>A small generator with fixed constants: conversation i is the same on every machine.</summary>
    private sealed class Lcg(ulong seed)
    {
        private static readonly long[] s_edges = [0, 1, -1, 2, 15, 16, 255, 4095, 4096, 4097, 20_000, 20_001, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, 1L << 40, long.MaxValue, long.MinValue, long.MaxValue - 20_000];

        private ulong _state = (seed * 0x9E3779B97F4A7C15UL) + 0xD1B54A32D192ED03UL;

        public ulong Next()
        {
            _state = (_state * 6364136223846793005UL) + 1442695040888963407UL;
            ulong mixed = (_state ^ (_state >> 31)) * 0xBF58476D1CE4E5B9UL;
            return mixed ^ (mixed >> 29);
        }

        public int Below(int bound) => (int)(Next() % (ulong)Math.Max(1, bound));

        /// <summary>A number at which programs go wrong, or any.</summary>
        public long Edge() => Below(4) == 0 ? (long)Next() : s_edges[Below(s_edges.Length)];

        public byte[] Bytes(int count)
        {
            byte[] bytes = new byte[count];
            for (int i = 0; i < count; i++) { bytes[i] = (byte)Next(); }
            return bytes;
        }

        /// <summary>Changes, cuts, extends or replaces.</summary>
        public byte[] Mangle(byte[] bytes)
        {
            switch (Below(6))
            {
                case 0 when bytes.Length > 0: return bytes[..Below(bytes.Length)];
                case 1: return Bytes(Below(300));
                case 2: return [.. bytes, .. Bytes(Below(100))];
                case 3 when bytes.Length > 0: return [.. bytes[..Below(bytes.Length)], .. Bytes(Below(20)), .. bytes[Below(bytes.Length)..]];
                default:
                    byte[] changed = [.. bytes];
                    for (int i = 0; i < 1 + Below(4) && changed.Length > 0; i++) { changed[Below(changed.Length)] ^= (byte)(1 + Below(255)); }
                    return changed;
            }
        }
    }
}
