using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Ctwa.Grains.Channel;

/// <summary>What the server says to a hello or a proof.</summary>
internal enum HandshakeStatus : uint
{
    Accepted = 0,

    /// <summary>It speaks another version.</summary>
    OtherVersion = 1,

    /// <summary>The proof is wrong.</summary>
    Unauthenticated = 2,

    /// <summary>It serves as many connections as it may; come again.</summary>
    Busy = 3,
}

/// <summary>
/// Both ends prove that they know the grid's secret, by HMAC-SHA256 over both ends' fresh random numbers, the client first. Neither
/// sends anything that would help a third to do so: the texts differ per direction and the numbers per connection.
/// <code>
/// client -> server  hello  48: u32 magic  u16 version  u16 flags (1: would use shared memory, 2: for large pulls)  u64 zero  32 random
/// server -> client  hello  48: u32 magic  u16 version  u16 flags  u32 status  u32 zero  32 random
/// client -> server  proof  32: HMAC(secret, "ctwa-channel client" hellos)
/// server -> client  answer 64: u32 status  u32 slots  u32 bytes per slot  u32 zero  16 name of the shared memory
///                              32 HMAC(secret, "ctwa-channel server" hellos, client's proof, answer before this)
/// </code>
/// </summary>
internal static class ChannelHandshake
{
    public const int HelloBytes = 48, ProofBytes = 32, AnswerBytes = 64, NonceBytes = 32;

    public const ushort WantsSharedMemory = 1, IsBulk = 2;

    /// <summary>The secret as a key; without one, proofs prove nothing, and ends with and without differ.</summary>
    public static byte[] Key(string? secret) => secret is null ? new byte[32] : Encoding.UTF8.GetBytes(secret);

    public static void WriteHello(Span<byte> to, ushort flags, HandshakeStatus status, ReadOnlySpan<byte> nonce)
    {
        to.Clear();
        ChannelFrame.WriteStart(to, (FrameKind)flags);
        BinaryPrimitives.WriteUInt32LittleEndian(to[8..], (uint)status);
        nonce.CopyTo(to[16..]);
    }

    public static bool HasMagic(ReadOnlySpan<byte> hello) => BinaryPrimitives.ReadUInt32LittleEndian(hello) == ChannelFrame.Magic;

    public static ushort Version(ReadOnlySpan<byte> hello) => BinaryPrimitives.ReadUInt16LittleEndian(hello[4..]);

    public static ushort Flags(ReadOnlySpan<byte> hello) => BinaryPrimitives.ReadUInt16LittleEndian(hello[6..]);

    public static HandshakeStatus Status(ReadOnlySpan<byte> hello) => (HandshakeStatus)BinaryPrimitives.ReadUInt32LittleEndian(hello[8..]);

    public static void ClientProof(ReadOnlySpan<byte> key, ReadOnlySpan<byte> clientHello, ReadOnlySpan<byte> serverHello, Span<byte> proof) =>
        Mac(key, "ctwa-channel client"u8, clientHello, serverHello, default, default, proof);

    public static void ServerProof(ReadOnlySpan<byte> key, ReadOnlySpan<byte> clientHello, ReadOnlySpan<byte> serverHello, ReadOnlySpan<byte> clientProof, ReadOnlySpan<byte> answer, Span<byte> proof) =>
        Mac(key, "ctwa-channel server"u8, clientHello, serverHello, clientProof, answer, proof);

    /// <summary>The connection's keys.</summary>
    public static ChannelSession Session(Wire wire, bool server, ReadOnlySpan<byte> key, ReadOnlySpan<byte> clientHello, ReadOnlySpan<byte> serverHello)
    {
        Span<byte> toServer = stackalloc byte[ProofBytes], toClient = stackalloc byte[ProofBytes];
        Mac(key, "ctwa-channel key to server"u8, clientHello, serverHello, default, default, toServer);
        Mac(key, "ctwa-channel key to client"u8, clientHello, serverHello, default, default, toClient);
        var session = server ? new ChannelSession(wire, toClient, toServer) : new ChannelSession(wire, toServer, toClient);
        CryptographicOperations.ZeroMemory(toServer);
        CryptographicOperations.ZeroMemory(toClient);
        return session;
    }

    private static void Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> label, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third, ReadOnlySpan<byte> fourth, Span<byte> mac)
    {
        // Every part has a length of its own that the label fixes, so that joining them is unambiguous.
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hash.AppendData(label);
        hash.AppendData(first);
        hash.AppendData(second);
        hash.AppendData(third);
        hash.AppendData(fourth);
        hash.GetHashAndReset(mac);
    }
}

/// <summary>What the server tells a proven client.</summary>
/// <param name="Status">Whether it may go on.</param>
/// <param name="Slots">Of the shared memory; 0: none.</param>
/// <param name="SlotBytes">Bytes of each.</param>
/// <param name="Name">Of the shared memory.</param>
internal readonly record struct HandshakeAnswer(HandshakeStatus Status, int Slots, int SlotBytes, UInt128 Name)
{
    /// <summary>Bytes before the proof.</summary>
    public const int HeadBytes = ChannelHandshake.AnswerBytes - ChannelHandshake.ProofBytes;

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to, (uint)Status);
        BinaryPrimitives.WriteInt32LittleEndian(to[4..], Slots);
        BinaryPrimitives.WriteInt32LittleEndian(to[8..], SlotBytes);
        BinaryPrimitives.WriteInt32LittleEndian(to[12..], 0);
        BinaryPrimitives.WriteUInt128LittleEndian(to[16..], Name);
    }

    public static HandshakeAnswer Read(ReadOnlySpan<byte> from) => new(
        (HandshakeStatus)BinaryPrimitives.ReadUInt32LittleEndian(from), BinaryPrimitives.ReadInt32LittleEndian(from[4..]), BinaryPrimitives.ReadInt32LittleEndian(from[8..]),
        BinaryPrimitives.ReadUInt128LittleEndian(from[16..]));
}
