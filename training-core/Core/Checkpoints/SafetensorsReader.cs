using System.Collections.Immutable;
using Ctwa.Training.Specification;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Checkpoints;

/// <summary>
/// The tensors of a safetensors file, or of a model folder with one or several of them. Opening reads and checks the headers only.
/// Data are read straight into the destination rather than mapped: a file that shrinks under a mapping ends the process,
/// here it is an error. Safe for concurrent reads.
/// </summary>
public sealed class SafetensorsReader : IDisposable
{
    private const string SingleFileName = "model.safetensors";

    private readonly List<FileStream> _files = [];
    private readonly Dictionary<string, (SafetensorsEntry Entry, string Path, SafeFileHandle Handle)> _tensors = new(StringComparer.Ordinal);

    private SafetensorsReader(string path) => Source = path;

    /// <summary>What was opened, as it was given.</summary>
    public string Source { get; }

    /// <summary>Names of all tensors, in ordinal order.</summary>
    public ImmutableArray<string> Names { get; private set; } = [];

    /// <summary>Opens a file, or a folder with <c>model.safetensors</c> or else <c>model.safetensors.index.json</c> and its shards.</summary>
    /// <exception cref="FileNotFoundException">The file, the folder's weights or shards are absent; all missing shards are named.</exception>
    /// <exception cref="InvalidDataException">A file breaks the format, or a shard lacks a tensor that the index places there.</exception>
    public static SafetensorsReader Open(string path)
    {
        var reader = new SafetensorsReader(path);
        try
        {
            string single = Directory.Exists(path) ? Path.Combine(path, SingleFileName) : path;
            string index = Path.Combine(path, SafetensorsIndex.FileName);
            if (File.Exists(single)) { reader.AddFile(single); }
            else if (File.Exists(index)) { reader.AddShards(path, index); }
            else
            {
                throw new FileNotFoundException(Directory.Exists(path)
                    ? $"{path} holds neither {SingleFileName} nor {SafetensorsIndex.FileName}; give the folder of a model saved as safetensors."
                    : $"There is no file or folder {path}.", path);
            }

            reader.Names = [.. reader._tensors.Keys.Order(StringComparer.Ordinal)];
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is a tensor of that name.</summary>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <summary>Type, shape and place of a tensor.</summary>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    public SafetensorsEntry Entry(string name) => Find(name).Entry;

    /// <summary>Copies a tensor stored as F32, BF16 or F16: exactly into float32 memory or its own type, else rounded to the nearest.</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="destination">Contiguous float32, bfloat16 or float16 CPU tensor of the stored shape; may be a view into a larger buffer.</param>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="InvalidDataException">It has another shape or an element type that is not a float of at most 32 bits.</exception>
    /// <exception cref="ArgumentException">The destination is not contiguous CPU memory of such a type.</exception>
    public void CopyTo(string name, Tensor destination)
    {
        var (entry, path, handle) = Find(name);
        if (destination.dtype is not (ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16) || destination.device_type != DeviceType.CPU || !destination.is_contiguous())
        {
            throw new ArgumentException($"The destination of '{name}' must be contiguous float32, bfloat16 or float16 CPU memory; it is {destination.dtype} on {destination.device_type}, strides {SafetensorsTensors.Show(destination.stride())}.", nameof(destination));
        }

        if (!entry.Shape.AsSpan().SequenceEqual(destination.shape))
        {
            throw new InvalidDataException($"{path}: tensor '{name}' has shape {SafetensorsTensors.Show(entry.Shape)}, but {SafetensorsTensors.Show(destination.shape)} is expected; the weights belong to another model configuration.");
        }

        if (entry.DType is not (SafetensorsDType.F32 or SafetensorsDType.BF16 or SafetensorsDType.F16))
        {
            throw new InvalidDataException($"{path}: tensor '{name}' is stored as {entry.DType}; weights are accepted as F32, BF16 or F16.");
        }

        ReadInto(destination, SafetensorsTensors.TensorType(entry.DType)!.Value, entry, path, handle);
    }

    /// <summary>A new CPU tensor with the stored element type.</summary>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="InvalidDataException">Its element type has no counterpart here.</exception>
    public Tensor Read(string name)
    {
        var (entry, path, handle) = Find(name);
        var type = SafetensorsTensors.TensorType(entry.DType)
            ?? throw new InvalidDataException($"{path}: tensor '{name}' is stored as {entry.DType}, which cannot be read here.");
        using var scope = NewDisposeScope();
        var tensor = empty([.. entry.Shape], dtype: type, device: CPU);
        ReadInto(tensor, type, entry, path, handle);
        return tensor.MoveToOuterDisposeScope();
    }

    /// <summary>Reads a tensor piece by piece in its stored type: a source for a writer, in little memory.</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="visit">Gets consecutive flat pieces; must not keep them.</param>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="InvalidDataException">Its element type has no counterpart here.</exception>
    public void ReadPieces(string name, Action<Tensor> visit)
    {
        var (entry, path, handle) = Find(name);
        var type = SafetensorsTensors.TensorType(entry.DType)
            ?? throw new InvalidDataException($"{path}: tensor '{name}' is stored as {entry.DType}, which cannot be read here.");
        long count = entry.ByteLength / entry.DType.Size();
        for (long start = 0; start < count; start += SafetensorsTensors.ChunkElements)
        {
            using var scope = NewDisposeScope();
            var piece = empty(Math.Min(SafetensorsTensors.ChunkElements, count - start), dtype: type, device: CPU);
            ReadExactly(handle, piece.bytes, entry.Offset + start * entry.DType.Size(), path, name);
            visit(piece);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static void ReadInto(Tensor destination, ScalarType stored, SafetensorsEntry entry, string path, SafeFileHandle handle) =>
        SafetensorsTensors.ForEachChunk(destination, (chunk, start) =>
        {
            var raw = chunk.dtype == stored ? chunk : empty(chunk.shape, dtype: stored, device: CPU);
            ReadExactly(handle, raw.bytes, entry.Offset + start * entry.DType.Size(), path, entry.Name);
            // The native conversion of 16-bit floats to float32 is exact and vectorized.
            if (!ReferenceEquals(raw, chunk)) { chunk.copy_(raw); }
        });

    private static void ReadExactly(SafeFileHandle handle, Span<byte> bytes, long offset, string path, string name)
    {
        while (bytes.Length > 0)
        {
            int count = RandomAccess.Read(handle, bytes, offset);
            if (count == 0) { throw new EndOfStreamException($"{path} ends at byte {offset}, inside tensor '{name}'; it was cut after it was opened."); }
            bytes = bytes[count..];
            offset += count;
        }
    }

    private (SafetensorsEntry Entry, string Path, SafeFileHandle Handle) Find(string name) =>
        _tensors.TryGetValue(name, out var found) ? found
            : throw new KeyNotFoundException($"{Source} has no tensor '{name}'; it has {Names.Length}{(Names.Length == 0 ? "" : $", from '{Names[0]}' to '{Names[^1]}'")}.");

    private void AddFile(string path)
    {
        var (header, handle) = OpenFile(path);
        foreach (var entry in header.Entries) { _tensors.Add(entry.Name, (entry, path, handle)); }
    }

    private void AddShards(string folder, string indexPath)
    {
        var index = SafetensorsIndex.Read(indexPath);
        string[] missing = [.. index.Values.Distinct().Where(file => !File.Exists(Path.Combine(folder, file))).Order(StringComparer.Ordinal)];
        if (missing.Length > 0) { throw new FileNotFoundException($"{indexPath} names files that are not there: {string.Join(", ", missing.Take(12).Select(file => SafetensorsHeader.Quote(file)[1..^1]))}{(missing.Length > 12 ? $" and {missing.Length - 12} more" : "")}; fetch them."); }
        foreach (var shard in index.GroupBy(pair => pair.Value, pair => pair.Key))
        {
            string path = Path.Combine(folder, shard.Key);
            var (header, handle) = OpenFile(path);
            foreach (string name in shard)
            {
                var entry = header.Find(name) ?? throw new InvalidDataException($"{path} lacks the tensor {SafetensorsHeader.Quote(name)} that {indexPath} places there; the files belong to different models.");
                _tensors.Add(name, (entry, path, handle));
            }
        }
    }

    private (SafetensorsHeader Header, SafeFileHandle Handle) OpenFile(string path)
    {
        // The checked header and all data come from this one open file, even if the path is replaced meanwhile.
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        _files.Add(file);
        return (SafetensorsHeader.Read(file, path), file.SafeFileHandle);
    }
}
