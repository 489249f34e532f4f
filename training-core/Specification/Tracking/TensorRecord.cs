using System.Buffers.Binary;
using System.Numerics;

namespace Ctwa.Training.Tracking;

/// <summary>
/// The framing of TensorFlow's record files: length (u64, little endian), masked CRC-32C of the length, data, masked CRC-32C of the
/// data. Readers skip a record that a crash cut short, since its checksum is missing or wrong.
/// </summary>
internal static class TensorRecord
{
    private const uint MaskDelta = 0xa282ead8;

    /// <summary>Appends one record.</summary>
    public static void Write(Stream stream, ReadOnlySpan<byte> data)
    {
        Span<byte> head = stackalloc byte[12];
        BinaryPrimitives.WriteUInt64LittleEndian(head, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], Masked(head[..8]));
        stream.Write(head);
        stream.Write(data);
        BinaryPrimitives.WriteUInt32LittleEndian(head, Masked(data));
        stream.Write(head[..4]);
    }

    /// <summary>The format masks its checksums, so that a checksum of checksums stays a good one.</summary>
    private static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        while (data.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }

        foreach (byte value in data) { crc = BitOperations.Crc32C(crc, value); }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + MaskDelta;
    }
}
