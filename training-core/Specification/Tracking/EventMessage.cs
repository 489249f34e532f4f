using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Ctwa.Training.Tracking;

/// <summary>
/// TensorBoard's <c>Event</c> message as protobuf bytes: <c>{1: double wall_time, 2: int64 step, 3: string file_version, 5: Summary,
/// 7: SessionLog}</c> with <c>Summary {1: repeated Value {1: string tag, 2: float simple_value}}</c> and <c>SessionLog {1: status}</c>.
/// </summary>
internal static class EventMessage
{
    /// <summary>Version 2: readers discard what a START at a lower or equal step makes obsolete.</summary>
    private const string FileVersion = "brain.Event:2";

    private const byte Start = 1;

    /// <summary>The first message of a file.</summary>
    public static ReadOnlySpan<byte> Version(double wallTime)
    {
        var message = Begin(wallTime);
        Text(message, 3, FileVersion);
        return message.WrittenSpan;
    }

    /// <summary>Tells readers that the history begins anew at a step: events at it or later that they have seen are void.</summary>
    public static ReadOnlySpan<byte> SessionStart(double wallTime, long step)
    {
        var message = Begin(wallTime);
        Step(message, step);
        Bytes(message, 7, [1 << 3, Start]);
        return message.WrittenSpan;
    }

    /// <summary>Numbers of one step. TensorBoard keeps them in single precision.</summary>
    public static ReadOnlySpan<byte> Scalars(double wallTime, long step, IEnumerable<(string Tag, double Value)> scalars)
    {
        var summary = new ArrayBufferWriter<byte>(4096);
        var value = new ArrayBufferWriter<byte>(128);
        foreach (var (tag, number) in scalars)
        {
            value.ResetWrittenCount();
            Text(value, 1, tag);
            Byte(value, (2 << 3) | 5);
            BinaryPrimitives.WriteSingleLittleEndian(value.GetSpan(4), (float)number);
            value.Advance(4);
            Bytes(summary, 1, value.WrittenSpan);
        }

        var message = Begin(wallTime);
        Step(message, step);
        Bytes(message, 5, summary.WrittenSpan);
        return message.WrittenSpan;
    }

    private static ArrayBufferWriter<byte> Begin(double wallTime)
    {
        var message = new ArrayBufferWriter<byte>(256);
        Byte(message, (1 << 3) | 1);
        BinaryPrimitives.WriteDoubleLittleEndian(message.GetSpan(8), wallTime);
        message.Advance(8);
        return message;
    }

    private static void Step(ArrayBufferWriter<byte> message, long step)
    {
        Byte(message, 2 << 3);
        Varint(message, (ulong)step);
    }

    private static void Text(ArrayBufferWriter<byte> message, int field, string text) => Bytes(message, field, Encoding.UTF8.GetBytes(text));

    private static void Bytes(ArrayBufferWriter<byte> message, int field, ReadOnlySpan<byte> bytes)
    {
        Varint(message, (uint)((field << 3) | 2));
        Varint(message, (ulong)bytes.Length);
        message.Write(bytes);
    }

    private static void Varint(ArrayBufferWriter<byte> message, ulong value)
    {
        for (; value >= 0x80; value >>= 7) { Byte(message, (byte)(value | 0x80)); }
        Byte(message, (byte)value);
    }

    private static void Byte(ArrayBufferWriter<byte> message, byte value)
    {
        message.GetSpan(1)[0] = value;
        message.Advance(1);
    }
}
