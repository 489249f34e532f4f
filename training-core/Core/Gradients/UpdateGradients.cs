using Ctwa.Training.Models;
using Ctwa.Training.Steps;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Gradients;

/// <summary>
/// The gradients of one optimizer update or probe where shards are computed: one row, or one per objective (and one for KL and
/// entropy), each summed over the shards in the canonical tree, as far as the shards are here. Offers may come from any lane.
/// What is done with the sums, slice by slice, is <see cref="SliceGradients"/>' matter.
/// </summary>
public sealed class UpdateGradients : IDisposable
{
    private readonly PolicyMemory _memory;
    private readonly GradientLedger[] _rows;

    /// <param name="rows">Gradients per shard.</param>
    /// <param name="covered">Range of the parameters that the rows cover; null: all.</param>
    public UpdateGradients(PolicyMemory memory, int shards, int rows, SliceRange? covered = null)
    {
        _memory = memory;
        Covered = covered ?? new SliceRange(0, memory.Layout.Length);
        _rows = [.. Enumerable.Range(0, rows).Select(_ => new GradientLedger(memory, shards))];
    }

    public int RowCount => _rows.Length;

    /// <summary>Memory of the sums.</summary>
    public PolicyMemory Memory => _memory;

    /// <summary>Range of the parameters that the rows cover.</summary>
    public SliceRange Covered { get; }

    /// <summary>Buffers for one shard's rows, each of the covered length.</summary>
    /// <param name="memory">Of the device on which the shard is computed; null: that of the sums.</param>
    public Tensor[] Rent(PolicyMemory? memory = null) => [.. _rows.Select(_ => (memory ?? _memory).RentGradient(Covered.Length))];

    /// <summary>Hands over a shard's rows; a shard offered twice counts once.</summary>
    /// <param name="memory">Whose buffers they are; null: that of the sums. Those of another device are copied and given back.</param>
    public void Offer(int shard, Tensor[] buffers, PolicyMemory? memory = null)
    {
        if (memory is not null && !ReferenceEquals(memory, _memory)) { buffers = [.. buffers.Select(buffer => Move(buffer, memory))]; }
        for (int row = 0; row < _rows.Length; row++) { _rows[row].Offer(shard, buffers[row]); }
    }

    private Tensor Move(Tensor buffer, PolicyMemory from)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var here = _memory.RentGradient(Covered.Length);
        here.copy_(buffer);
        from.ReturnGradient(buffer);
        return here;
    }

    /// <summary>Sum of a row over all shards, shape [covered length].</summary>
    /// <exception cref="InvalidOperationException">A shard is missing.</exception>
    public Tensor Row(int index) => _rows[index].Sum;

    /// <summary>Sum of a row over the shards of a node of the canonical tree, shape [covered length]; null if it is not complete here, or part of a larger node.</summary>
    public Tensor? Node(int row, int first, int count) => _rows[row].Node(first, count);

    /// <summary>Gives all buffers back. A second call gives back none: a buffer that the pool had twice would be lent to two users.</summary>
    public void Dispose()
    {
        foreach (var row in _rows) { row.Dispose(); }
    }
}
