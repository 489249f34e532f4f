using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Checkpoints;

/// <summary>What reader and writer share: element types, and the raw bytes of a tensor in pieces that fit a span.</summary>
internal static class SafetensorsTensors
{
    /// <summary>Elements handled at once: at most 32 MiB, below the 2 GiB that a span can hold.</summary>
    public const long ChunkElements = 1L << 22;

    /// <summary>Calls <paramref name="visit"/> with consecutive views of a contiguous tensor, flat, detached from any graph.</summary>
    /// <param name="tensor">A contiguous tensor of any shape.</param>
    /// <param name="visit">Gets the view (shape [n]) and its first element's index; must not keep the view.</param>
    public static void ForEachChunk(Tensor tensor, Action<Tensor, long> visit)
    {
        long count = tensor.numel();
        for (long start = 0; start < count; start += ChunkElements)
        {
            using var scope = NewDisposeScope();
            visit(tensor.detach().view(-1).narrow(0, start, Math.Min(ChunkElements, count - start)), start);
        }
    }

    /// <summary>The file's element type for a tensor's; null if the format has none.</summary>
    public static SafetensorsDType? FileType(ScalarType type) => type switch
    {
        ScalarType.Bool => SafetensorsDType.BOOL,
        ScalarType.Byte => SafetensorsDType.U8,
        ScalarType.Int8 => SafetensorsDType.I8,
        ScalarType.Int16 => SafetensorsDType.I16,
        ScalarType.Float16 => SafetensorsDType.F16,
        ScalarType.BFloat16 => SafetensorsDType.BF16,
        ScalarType.Int32 => SafetensorsDType.I32,
        ScalarType.Float32 => SafetensorsDType.F32,
        ScalarType.Int64 => SafetensorsDType.I64,
        ScalarType.Float64 => SafetensorsDType.F64,
        _ => null,
    };

    /// <summary>The tensor element type for a file's; null if libtorch here has none.</summary>
    public static ScalarType? TensorType(SafetensorsDType type) => type switch
    {
        SafetensorsDType.BOOL => ScalarType.Bool,
        SafetensorsDType.U8 => ScalarType.Byte,
        SafetensorsDType.I8 => ScalarType.Int8,
        SafetensorsDType.I16 => ScalarType.Int16,
        SafetensorsDType.F16 => ScalarType.Float16,
        SafetensorsDType.BF16 => ScalarType.BFloat16,
        SafetensorsDType.I32 => ScalarType.Int32,
        SafetensorsDType.F32 => ScalarType.Float32,
        SafetensorsDType.I64 => ScalarType.Int64,
        SafetensorsDType.F64 => ScalarType.Float64,
        _ => null,
    };

    /// <summary>A shape as [a, b, c].</summary>
    public static string Show(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
