using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Checkpoints;

/// <summary>
/// Writes safetensors files. The bytes are a function of names, types, shapes, values and metadata only: tensors are ordered by
/// element size (largest first, so that all data are aligned) and then by name, metadata by key.
/// </summary>
public static class SafetensorsWriter
{
    private const string MetadataKey = "__metadata__";

    /// <summary>Writes a file, replacing one that is there. The data pass through memory in chunks.</summary>
    /// <param name="path">The file. One that was not finished is refused by readers; write to another name and rename for an atomic change.</param>
    /// <param name="tensors">Names and tensors, in any order, on any device; unique names.</param>
    /// <param name="metadata">Free strings for the header; <c>format=pt</c>, which other software asks for, is added.</param>
    /// <param name="cast">F32, BF16 or F16: floating-point tensors are stored so; others, and all if null, in their own type.</param>
    /// <param name="flushToDisk">Return only when the data are on the device, not merely in the system's cache.</param>
    /// <exception cref="ArgumentException">A name is used twice or reserved, or an element type cannot be stored.</exception>
    /// <exception cref="OverflowException">A finite value does not fit F16.</exception>
    /// <exception cref="IOException">The file cannot be written; what is there then is no valid file.</exception>
    public static void Write(
        string path, IEnumerable<(string Name, Tensor Tensor)> tensors, IReadOnlyDictionary<string, string>? metadata = null, SafetensorsDType? cast = null, bool flushToDisk = false)
    {
        if (cast is not (null or SafetensorsDType.F32 or SafetensorsDType.BF16 or SafetensorsDType.F16))
        {
            throw new ArgumentException($"Tensors cannot be cast to {cast}; accepted are F32, BF16 and F16.", nameof(cast));
        }

        var items = tensors.Select(item => (item.Name, item.Tensor, Type: StoredType(item.Name, item.Tensor, cast)))
            .OrderByDescending(item => item.Type.Size()).ThenBy(item => item.Name, StringComparer.Ordinal).ToList();
        if (items.GroupBy(item => item.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Skip(1).Any()) is { } twice)
        {
            throw new ArgumentException($"Two tensors are named '{twice.Key}'; names in a file are unique.", nameof(tensors));
        }

        byte[] header = Header(items, metadata);
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 20);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var (name, tensor, type) in items) { WriteData(stream, name, tensor, type); }
        stream.Flush(flushToDisk);
    }

    private static SafetensorsDType StoredType(string name, Tensor tensor, SafetensorsDType? cast)
    {
        if (name == MetadataKey) { throw new ArgumentException($"'{MetadataKey}' is reserved by the format; give the tensor another name.", nameof(name)); }
        var type = SafetensorsTensors.FileType(tensor.dtype)
            ?? throw new ArgumentException($"The tensor '{name}' has elements of type {tensor.dtype}, which the format does not have.", nameof(tensor));
        return cast is { } target && tensor.is_floating_point() ? target : type;
    }

    private static byte[] Header(IEnumerable<(string Name, Tensor Tensor, SafetensorsDType Type)> items, IReadOnlyDictionary<string, string>? metadata)
    {
        var strings = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt" };
        foreach (var (key, value) in metadata ?? new Dictionary<string, string>()) { strings[key] = value; }
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject(MetadataKey);
            foreach (var (key, value) in strings) { json.WriteString(key, value); }
            json.WriteEndObject();
            long offset = 0;
            foreach (var (name, tensor, type) in items)
            {
                long end = checked(offset + tensor.numel() * type.Size());
                json.WriteStartObject(name);
                json.WriteString("dtype", type.ToString());
                WriteNumbers(json, "shape", tensor.shape);
                WriteNumbers(json, "data_offsets", [offset, end]);
                json.WriteEndObject();
                offset = end;
            }

            json.WriteEndObject();
        }

        // Spaces after the object let the data begin at a multiple of 8 bytes.
        buffer.Write(Encoding.ASCII.GetBytes(new string(' ', (int)(-buffer.Length & 7))));
        return buffer.ToArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers) { json.WriteNumberValue(number); }
        json.WriteEndArray();
    }

    private static void WriteData(FileStream stream, string name, Tensor tensor, SafetensorsDType type)
    {
        using var scope = NewDisposeScope();
        var target = SafetensorsTensors.TensorType(type)!.Value;
        SafetensorsTensors.ForEachChunk(tensor.detach().contiguous(), (chunk, _) =>
        {
            var stored = chunk.dtype == target ? chunk : chunk.to(target);
            if (target == ScalarType.Float16 && !ReferenceEquals(stored, chunk) && isinf(stored).sum().item<long>() > isinf(chunk).sum().item<long>())
            {
                throw new OverflowException($"The tensor '{name}' holds values beyond 65504, the largest of F16; store it as BF16 or F32.");
            }

            stream.Write(stored.cpu().bytes);
        });
    }
}
