using System.Buffers.Binary;

namespace Ctwa.Grains.Channel;

/// <summary>What a frame of a running connection says.</summary>
internal enum FrameKind : ushort
{
    /// <summary>To the server: a range of a tensor is wanted.</summary>
    Request = 1,

    /// <summary>To the client: <see cref="ChannelFrame.Length"/> bytes of the range follow.</summary>
    Chunk = 2,

    /// <summary>To the client: the bytes lie in slot <see cref="ChannelFrame.Detail"/> of the shared memory.</summary>
    SharedChunk = 3,

    /// <summary>To the client: no, for the reason <see cref="ChannelFrame.Detail"/>; UTF-8 text follows.</summary>
    Refusal = 4,

    /// <summary>To the client: the source failed; UTF-8 text follows.</summary>
    Failed = 5,

    /// <summary>To the server: all bytes up to <see cref="ChannelFrame.Position"/> have arrived and are right.</summary>
    Acknowledgement = 6,

    /// <summary>To the server: whether the client sees the shared memory; if so, its first 32 bytes follow.</summary>
    SharedSeen = 7,

    /// <summary>To the client: whether that was right.</summary>
    SharedAgreed = 8,
}

/// <summary>
/// Fixed head of every frame but the request: 32 bytes, little-endian, followed by a tag of <see cref="ChannelSession.TagBytes"/>.
/// <code>
///  0 u32 magic "CTWT"   4 u16 version   6 u16 kind   8 i64 position   16 u32 length   20 u32 detail   24 u64 xxh3 of what follows
/// </code>
/// </summary>
internal readonly record struct ChannelFrame(FrameKind Kind, long Position, int Length, uint Detail, ulong Checksum)
{
    /// <summary>"CTWT".</summary>
    public const uint Magic = 0x54575443;

    public const ushort Version = 2;

    public const int Bytes = 32;

    /// <summary>Longest text of a refusal.</summary>
    public const int MaxTextBytes = 512;

    public void Write(Span<byte> to)
    {
        WriteStart(to, Kind);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], Position);
        BinaryPrimitives.WriteInt32LittleEndian(to[16..], Length);
        BinaryPrimitives.WriteUInt32LittleEndian(to[20..], Detail);
        BinaryPrimitives.WriteUInt64LittleEndian(to[24..], Checksum);
    }

    public static ChannelFrame Read(ReadOnlySpan<byte> from) => new(
        (FrameKind)BinaryPrimitives.ReadUInt16LittleEndian(from[6..]), BinaryPrimitives.ReadInt64LittleEndian(from[8..]), BinaryPrimitives.ReadInt32LittleEndian(from[16..]),
        BinaryPrimitives.ReadUInt32LittleEndian(from[20..]), BinaryPrimitives.ReadUInt64LittleEndian(from[24..]));

    public static void WriteStart(Span<byte> to, FrameKind kind)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(to[4..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(to[6..], (ushort)kind);
    }

    /// <summary>Whether the bytes begin as a frame of this version does.</summary>
    public static bool Begins(ReadOnlySpan<byte> from) => BinaryPrimitives.ReadUInt32LittleEndian(from) == Magic && BinaryPrimitives.ReadUInt16LittleEndian(from[4..]) == Version;
}

/// <summary>
/// The request: 128 bytes, little-endian, followed by a tag.
/// <code>
///  0 u32 magic   4 u16 version   6 u16 kind   8 i64 epoch   16 i64 offset   24 i64 length
/// 32 u128 job   48 i32 kind, stage, step, update, pass, halvings, row, first, count   84 u32 zero   88 i64 policy version
/// 96 16 trace id   112 8 span id   120 u64 zero
/// </code>
/// </summary>
internal static class RequestFrame
{
    public const int Bytes = 128;

    private const int TraceAt = 96;

    public static void Write(in TensorRequest request, Span<byte> to)
    {
        var id = request.Id;
        ChannelFrame.WriteStart(to, FrameKind.Request);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], request.Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], request.Offset);
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], request.Length);
        BinaryPrimitives.WriteUInt128LittleEndian(to[32..], id.Job);
        ReadOnlySpan<int> numbers = [(int)id.Kind, id.Stage, id.Step, id.Update, id.Pass, id.Halvings, id.Row, id.First, id.Count, 0];
        for (int i = 0; i < numbers.Length; i++) { BinaryPrimitives.WriteInt32LittleEndian(to[(48 + (4 * i))..], numbers[i]); }
        BinaryPrimitives.WriteInt64LittleEndian(to[88..], id.Version);
        request.Trace.Write(to[TraceAt..]);
        to[(TraceAt + ChannelTrace.Bytes)..Bytes].Clear();
    }

    public static TensorRequest Read(ReadOnlySpan<byte> from) => new(
        new TensorId
        {
            Job = BinaryPrimitives.ReadUInt128LittleEndian(from[32..]),
            Kind = (TensorKind)BinaryPrimitives.ReadInt32LittleEndian(from[48..]),
            Stage = BinaryPrimitives.ReadInt32LittleEndian(from[52..]),
            Step = BinaryPrimitives.ReadInt32LittleEndian(from[56..]),
            Update = BinaryPrimitives.ReadInt32LittleEndian(from[60..]),
            Pass = BinaryPrimitives.ReadInt32LittleEndian(from[64..]),
            Halvings = BinaryPrimitives.ReadInt32LittleEndian(from[68..]),
            Row = BinaryPrimitives.ReadInt32LittleEndian(from[72..]),
            First = BinaryPrimitives.ReadInt32LittleEndian(from[76..]),
            Count = BinaryPrimitives.ReadInt32LittleEndian(from[80..]),
            Version = BinaryPrimitives.ReadInt64LittleEndian(from[88..]),
        },
        BinaryPrimitives.ReadInt64LittleEndian(from[8..]), BinaryPrimitives.ReadInt64LittleEndian(from[16..]), BinaryPrimitives.ReadInt64LittleEndian(from[24..]))
    {
        Trace = ChannelTrace.Read(from[TraceAt..]),
    };
}
