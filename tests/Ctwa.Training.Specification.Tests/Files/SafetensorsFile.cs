using System.Buffers.Binary;
using System.Text;

namespace Ctwa.Training.Specification.Tests;

/// <summary>Bytes of safetensors files, right and wrong ones.</summary>
internal static class SafetensorsFile
{
    /// <summary>Length prefix, header and that many bytes of data.</summary>
    public static byte[] Bytes(string header, long dataBytes) => Bytes(Encoding.UTF8.GetBytes(header), dataBytes);

    public static byte[] Bytes(byte[] header, long dataBytes)
    {
        byte[] file = new byte[8 + header.Length + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)header.Length);
        header.CopyTo(file, 8);
        return file;
    }

    /// <summary>A well-formed file with these tensors, in order, zero-filled.</summary>
    public static byte[] Of(params IEnumerable<ModelParameter> tensors)
    {
        long offset = 0;
        var parts = new List<string>();
        foreach (var tensor in tensors)
        {
            long bytes = tensor.Count * 4;
            parts.Add($"\"{tensor.Name}\":{{\"dtype\":\"F32\",\"shape\":[{string.Join(',', tensor.Shape)}],\"data_offsets\":[{offset},{offset + bytes}]}}");
            offset += bytes;
        }

        return Bytes("{" + string.Join(",", parts) + "}", offset);
    }
}
