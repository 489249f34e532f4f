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

        Write(path, tensors.Select(item => TensorSource.Of(item.Name, StoredType(item.Name, item.Tensor, cast), item.Tensor)), metadata, flushToDisk);
    }

    /// <summary>The same from tensors that are made one after the other: memory holds one piece of one of them, whatever the file's size.</summary>
    /// <exception cref="ArgumentException">A name is used twice or reserved, or a type cannot be stored.</exception>
    /// <exception cref="InvalidOperationException">A source gave more or fewer elements than its shape has.</exception>
    /// <exception cref="OverflowException">A finite value does not fit the stored type.</exception>
    /// <exception cref="IOException">The file cannot be written; what is there then is no valid file.</exception>
    public static void Write(string path, IEnumerable<TensorSource> sources, IReadOnlyDictionary<string, string>? metadata = null, bool flushToDisk = false)
    {
        var items = sources.OrderByDescending(item => item.Type.Size()).ThenBy(item => item.Name, StringComparer.Ordinal).ToList();
        foreach (var item in items) { CheckName(item.Name); }
        if (items.GroupBy(item => item.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Skip(1).Any()) is { } twice)
        {
            throw new ArgumentException($"Two tensors are named '{twice.Key}'; names in a file are unique.", nameof(sources));
        }

        if (items.Find(item => SafetensorsTensors.TensorType(item.Type) is null) is { } unknown)
        {
            throw new ArgumentException($"The tensor '{unknown.Name}' is to be stored as {unknown.Type}, which cannot be written here.", nameof(sources));
        }

        byte[] header = Header(items, metadata);
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 20);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var item in items) { WriteData(stream, item); }
        stream.Flush(flushToDisk);
    }

    private static void CheckName(string name)
    {
        if (name == MetadataKey) { throw new ArgumentException($"'{MetadataKey}' is reserved by the format; give the tensor another name.", nameof(name)); }
    }

    private static SafetensorsDType StoredType(string name, Tensor tensor, SafetensorsDType? cast)
    {
        var type = SafetensorsTensors.FileType(tensor.dtype)
            ?? throw new ArgumentException($"The tensor '{name}' has elements of type {tensor.dtype}, which the format does not have.", nameof(tensor));
        return cast is { } target && tensor.is_floating_point() ? target : type;
    }

    private static byte[] Header(IEnumerable<TensorSource> items, IReadOnlyDictionary<string, string>? metadata)
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
            foreach (var item in items)
            {
                long end = checked(offset + item.ByteLength);
                json.WriteStartObject(item.Name);
                json.WriteString("dtype", item.Type.ToString());
                WriteNumbers(json, "shape", item.Shape.AsSpan());
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

    private static void WriteData(FileStream stream, TensorSource item)
    {
        var target = SafetensorsTensors.TensorType(item.Type)!.Value;
        long count = 0;
        item.Pieces(piece =>
        {
            using var scope = NewDisposeScope();
            var stored = piece.dtype == target ? piece : piece.to(target);
            bool narrowed = target is ScalarType.Float16 or ScalarType.BFloat16 && !ReferenceEquals(stored, piece);
            if (narrowed && isinf(stored).sum().item<long>() > isinf(piece).sum().item<long>())
            {
                throw new OverflowException($"The tensor '{item.Name}' holds values beyond {(target == ScalarType.Float16 ? "65504" : "3.39e38")}, the largest of {item.Type}; store it as {(target == ScalarType.Float16 ? "BF16 or " : "")}F32.");
            }

            count += piece.numel();
            stream.Write(stored.cpu().bytes);
        });
        if (count != item.Count) { throw new InvalidOperationException($"The tensor '{item.Name}' of shape {SafetensorsTensors.Show(item.Shape)} was given {count} elements."); }
    }
}
