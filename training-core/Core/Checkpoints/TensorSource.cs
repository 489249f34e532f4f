using System.Collections.Immutable;
using Ctwa.Training.Specification;
using static TorchSharp.torch;

namespace Ctwa.Training.Checkpoints;

/// <summary>A tensor that is made while it is written, so that a file may be larger than memory.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="Type">Element type in the file.</param>
/// <param name="Shape">Dimensions.</param>
/// <param name="Pieces">
/// Calls its argument with consecutive flat pieces of the tensor, in order, of any floating type (or of the stored type); they are
/// converted. The pieces are not kept.
/// </param>
public sealed record TensorSource(string Name, SafetensorsDType Type, ImmutableArray<long> Shape, Action<Action<Tensor>> Pieces)
{
    /// <summary>Number of elements.</summary>
    /// <exception cref="OverflowException">It exceeds 2^63 - 1.</exception>
    public long Count => Shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>Bytes in the file.</summary>
    /// <exception cref="OverflowException">They exceed 2^63 - 1.</exception>
    public long ByteLength => checked(Count * Type.Size());

    /// <summary>A tensor that is there already.</summary>
    public static TensorSource Of(string name, SafetensorsDType type, Tensor tensor) => new(name, type, [.. tensor.shape], visit => Visit(tensor, visit));

    /// <summary>A tensor that <paramref name="make"/> makes and the writer disposes.</summary>
    public static TensorSource Made(string name, SafetensorsDType type, ImmutableArray<long> shape, Func<Tensor> make) => new(name, type, shape, visit =>
    {
        using var tensor = make();
        Visit(tensor, visit);
    });

    private static void Visit(Tensor tensor, Action<Tensor> visit)
    {
        using var scope = NewDisposeScope();
        SafetensorsTensors.ForEachChunk(tensor.detach().contiguous(), (piece, _) => visit(piece));
    }
}
