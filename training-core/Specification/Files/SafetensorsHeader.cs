using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Ctwa.Training.Specification;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Name, unique in its file.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Dimensions; empty for a scalar.</param>
/// <param name="Offset">Absolute position of the first byte in the file.</param>
/// <param name="ByteLength">Number of bytes: the product of the shape times the element size.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsDType DType, ImmutableArray<long> Shape, long Offset, long ByteLength);

/// <summary>
/// The header of a safetensors file (8 bytes little-endian length, a JSON object, then data without holes), completely
/// checked, so that a reader may map the file and trust every entry. No data is read.
/// </summary>
public sealed class SafetensorsHeader
{
    /// <summary>Longest header in bytes that the format allows.</summary>
    public const int MaxHeaderBytes = 100_000_000;

    private SafetensorsHeader(string path, ImmutableArray<SafetensorsEntry> entries, IReadOnlyDictionary<string, string> metadata, long dataOffset, long fileLength)
    {
        Path = path;
        Entries = entries;
        Metadata = metadata;
        DataOffset = dataOffset;
        FileLength = fileLength;
        byName = entries.ToDictionary(e => e.Name, StringComparer.Ordinal);
    }

    private readonly Dictionary<string, SafetensorsEntry> byName;

    /// <summary>The file, as it was given.</summary>
    public string Path { get; }

    /// <summary>The tensors in the order of their data.</summary>
    public ImmutableArray<SafetensorsEntry> Entries { get; }

    /// <summary>The free-form strings under <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Absolute position where the data begin.</summary>
    public long DataOffset { get; }

    /// <summary>Length of the file in bytes; a reader that finds another length now must refuse the file.</summary>
    public long FileLength { get; }

    /// <summary>The tensor of that name, or null.</summary>
    public SafetensorsEntry? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>Reads and checks the header of a file.</summary>
    /// <exception cref="InvalidDataException">The file breaks the format: the message names file, tensor, value and what is expected.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file cannot be read.</exception>
    public static SafetensorsHeader Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        return Read(stream, path);
    }

    /// <summary>The same from a seekable stream; <paramref name="path"/> only names it in errors.</summary>
    /// <exception cref="InvalidDataException">As for <see cref="Read(string)"/>.</exception>
    public static SafetensorsHeader Read(Stream stream, string path)
    {
        long fileLength = stream.Length;
        if (fileLength < 8) { throw Bad(path, $"is {fileLength} bytes long; a safetensors file begins with an 8-byte header length. It is empty or truncated: fetch it again."); }
        Span<byte> prefix = stackalloc byte[8];
        stream.Position = 0;
        stream.ReadExactly(prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length is < 2 or > MaxHeaderBytes)
        {
            string hint = LooksLikePickle(prefix) ? " It looks like a PyTorch pickle or zip archive; convert it to safetensors." : " It is no safetensors file, or it is corrupt.";
            throw Bad(path, $"says that its header has {length} bytes; accepted are 2 to {MaxHeaderBytes}.{hint}");
        }

        if ((long)length > fileLength - 8) { throw Bad(path, $"says that its header has {length} bytes, but only {fileLength - 8} follow; the file is truncated: fetch it again."); }
        byte[] header = new byte[length];
        stream.ReadExactly(header);
        if (header[0] != (byte)'{') { throw Bad(path, $"has a header that begins with byte 0x{header[0]:X2}; expected is '{{' of a JSON object. It is no safetensors file, or it is corrupt."); }
        if (!Utf8.IsValid(header)) { throw Bad(path, "has a header that is not UTF-8 text; the file is corrupt: fetch it again."); }

        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var entries = Parse(path, header, metadata, 8 + (long)length, fileLength - 8 - (long)length);
        return new SafetensorsHeader(path, entries, metadata, 8 + (long)length, fileLength);
    }

    private static ImmutableArray<SafetensorsEntry> Parse(string path, byte[] header, Dictionary<string, string> metadata, long dataOffset, long dataLength)
    {
        using var document = ParseJson(path, header);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var entries = new List<SafetensorsEntry>();
        foreach (var property in document.RootElement.EnumerateObject())
        {
            string name = NameOf(path, property);
            if (!names.Add(name)) { throw Bad(path, $"names {Quote(name)} twice in its header; names must be unique. The file is corrupt or was forged."); }
            if (name == "__metadata__") { ReadMetadata(path, property.Value, metadata); }
            else { entries.Add(ReadEntry(path, name, property.Value, dataOffset, dataLength)); }
        }

        // Empty tensors share their position with a neighbour: they come first, so that the chain below closes.
        entries.Sort((a, b) => a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset) : a.ByteLength != b.ByteLength ? a.ByteLength.CompareTo(b.ByteLength) : string.CompareOrdinal(a.Name, b.Name));
        long expected = dataOffset;
        string before = "the header";
        foreach (var entry in entries)
        {
            long begin = entry.Offset - dataOffset, end = expected - dataOffset;
            if (entry.Offset < expected) { throw Bad(path, $"tensor {Quote(entry.Name)} begins at data offset {begin}, inside {before}, which ends at {end}; tensors must not overlap."); }
            if (entry.Offset > expected) { throw Bad(path, $"tensor {Quote(entry.Name)} begins at data offset {begin}, but {before} ends at {end}; the format allows no hole between tensors."); }
            expected = entry.Offset + entry.ByteLength;
            before = $"tensor {Quote(entry.Name)}";
        }

        if (expected != dataOffset + dataLength) { throw Bad(path, $"has {dataLength} bytes of data, but {before} ends at {expected - dataOffset}; the format allows no bytes after the last tensor."); }
        return [.. entries];
    }

    private static JsonDocument ParseJson(string path, byte[] header)
    {
        JsonDocument document;
        try { document = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 }); }
        catch (JsonException e) { throw Bad(path, $"has a header that is not valid JSON at byte {e.BytePositionInLine + 8}: {OneLine(FirstSentence(e.Message))} The file is corrupt: fetch it again.", e); }
        return document;
    }

    private static string NameOf(string path, JsonProperty property)
    {
        try { return property.Name; }
        catch (InvalidOperationException e) { throw Bad(path, "has a tensor name in its header that is not valid Unicode; the file is corrupt.", e); }
    }

    private static void ReadMetadata(string path, JsonElement value, Dictionary<string, string> metadata)
    {
        if (value.ValueKind != JsonValueKind.Object) { throw Bad(path, $"has a {Kind(value)} under '__metadata__'; expected is an object of strings."); }
        foreach (var item in value.EnumerateObject())
        {
            string key = NameOf(path, item);
            if (item.Value.ValueKind != JsonValueKind.String) { throw Bad(path, $"has a {Kind(item.Value)} under '__metadata__' key {Quote(key)}; expected is a string."); }
            try { metadata[key] = item.Value.GetString()!; }
            catch (InvalidOperationException e) { throw Bad(path, $"has text that is not valid Unicode under '__metadata__' key {Quote(key)}.", e); }
        }
    }

    private static SafetensorsEntry ReadEntry(string path, string name, JsonElement value, long dataOffset, long dataLength)
    {
        string tensor = $"tensor {Quote(name)}";
        if (value.ValueKind != JsonValueKind.Object) { throw Bad(path, $"{tensor} is described by a {Kind(value)}; expected is an object with dtype, shape and data_offsets."); }
        JsonElement? dtypeText = null, shapeList = null, offsets = null;
        foreach (var field in value.EnumerateObject())
        {
            string fieldName = NameOf(path, field);
            ref var slot = ref dtypeText;
            switch (fieldName)
            {
                case "dtype": break;
                case "shape": slot = ref shapeList; break;
                case "data_offsets": slot = ref offsets; break;
                default: throw Bad(path, $"{tensor} has an unknown field {Quote(fieldName)}; known are dtype, shape and data_offsets.");
            }

            if (slot is not null) { throw Bad(path, $"{tensor} has the field '{fieldName}' twice."); }
            slot = field.Value;
        }

        if (dtypeText is null || shapeList is null || offsets is null) { throw Bad(path, $"{tensor} lacks {(dtypeText is null ? "dtype" : shapeList is null ? "shape" : "data_offsets")}."); }
        var dtype = ReadDType(path, tensor, dtypeText.Value);
        long[] shape = ReadNumbers(path, tensor, "shape", shapeList.Value);
        long[] range = ReadNumbers(path, tensor, "data_offsets", offsets.Value);
        if (range.Length != 2) { throw Bad(path, $"{tensor} has {range.Length} data_offsets; expected are two, [begin, end]."); }
        if (range[1] < range[0]) { throw Bad(path, $"{tensor} has data_offsets [{range[0]}, {range[1]}]; the end lies before the beginning."); }
        if (range[1] > dataLength) { throw Bad(path, $"{tensor} has data_offsets [{range[0]}, {range[1]}], but the file holds {dataLength} bytes of data; it is truncated or corrupt: fetch it again."); }

        Int128 bytes = dtype.Size();
        foreach (long dimension in shape)
        {
            bytes *= dimension;
            if (bytes > long.MaxValue) { throw Bad(path, $"{tensor} has shape {Show(shape)} of {dtype}, more than 2^63 bytes; the header is corrupt or was forged."); }
        }

        if (bytes != range[1] - range[0]) { throw Bad(path, $"{tensor} has shape {Show(shape)} of {dtype}, {bytes} bytes, but data_offsets [{range[0]}, {range[1]}] span {range[1] - range[0]} bytes; they must be equal."); }
        return new SafetensorsEntry(name, dtype, [.. shape], dataOffset + range[0], (long)bytes);
    }

    private static SafetensorsDType ReadDType(string path, string tensor, JsonElement value)
    {
        // The raw text: names have no escapes, and an escaped lone surrogate cannot be decoded.
        string text = value.GetRawText();
        foreach (var dtype in Enum.GetValues<SafetensorsDType>())
        {
            if (text == $"\"{dtype}\"") { return dtype; }
        }

        throw Bad(path, $"{tensor} has dtype {Quote(text)}; known are {string.Join(", ", Enum.GetNames<SafetensorsDType>())}.");
    }

    private static long[] ReadNumbers(string path, string tensor, string field, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array) { throw Bad(path, $"{tensor} has a {Kind(value)} as {field}; expected is a list of whole numbers."); }
        if (value.GetArrayLength() > 64) { throw Bad(path, $"{tensor} has {value.GetArrayLength()} entries in {field}; at most 64 are accepted."); }
        long[] numbers = new long[value.GetArrayLength()];
        int i = 0;
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out numbers[i]) || numbers[i] < 0) { throw Bad(path, $"{tensor} has {Quote(item.GetRawText())} in {field}; expected are whole numbers from 0 to 2^63 - 1."); }
            i++;
        }

        return numbers;
    }

    /// <summary>A shape as [a, b, c].</summary>
    public static string Show(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";

    /// <summary>Text from a file for an error message: quoted, cut, without control characters.</summary>
    public static string Quote(string text)
    {
        var shown = new StringBuilder("'");
        foreach (char c in text.Length > 120 ? text.AsSpan(0, 120) : text) { shown.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c); }
        return shown.Append(text.Length > 120 ? "...'" : "'").ToString();
    }

    private static bool LooksLikePickle(ReadOnlySpan<byte> prefix) => prefix is [(byte)'P', (byte)'K', 3, 4, ..] or [0x80, >= 2 and <= 5, ..];

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "list",
        JsonValueKind.String => "string",
        JsonValueKind.Number => "number",
        JsonValueKind.Null => "null",
        _ => "boolean",
    };

    private static string OneLine(string text) => ErrorText.Printable(text).Replace('\n', '?').Replace('\r', '?');

    internal static string FirstSentence(string message) => message.IndexOf(" LineNumber:", StringComparison.Ordinal) is var cut and > 0 ? message[..cut] : message;

    private static InvalidDataException Bad(string path, string message, Exception? inner = null) =>
        new(message.StartsWith("tensor ", StringComparison.Ordinal) ? $"{path}: {message}" : $"{path} {message}", inner);
}
