using Ctwa.Training.Models;
using Ctwa.Training.Steps;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Gradients;

/// <summary>
/// The gradients of one optimizer update or probe: one row, or one per objective (and one for KL and entropy), each summed
/// over the shards in the canonical tree. Rows are combined slice by slice into one gradient; the rows stay as they are.
/// Offers may come from any lane; slices may be worked on by different lanes at once.
/// </summary>
public sealed class UpdateGradients : IDisposable
{
    private readonly Lock _lock = new();
    private readonly PolicyMemory _memory;
    private readonly GradientLedger[] _rows;
    private Tensor? _before;
    private Tensor? _combined;

    /// <param name="rows">Gradients per shard.</param>
    /// <param name="covered">Range of the parameters that the rows cover; null: all.</param>
    /// <param name="rememberWeights">Keep a copy of the present weights, to compare later ones with.</param>
    public UpdateGradients(PolicyMemory memory, int shards, int rows, SliceRange? covered = null, bool rememberWeights = false)
    {
        _memory = memory;
        Covered = covered ?? new SliceRange(0, memory.Layout.Length);
        _rows = [.. Enumerable.Range(0, rows).Select(_ => new GradientLedger(memory, shards))];
        if (!rememberWeights) { return; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _before = memory.RentGradient();
        _before.copy_(memory.Weights);
    }

    public int RowCount => _rows.Length;

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

    /// <summary>Weights when this was made.</summary>
    /// <exception cref="InvalidOperationException">They were not kept.</exception>
    public Tensor WeightsBefore => _before ?? throw new InvalidOperationException("the weights of this update were not kept.");

    /// <summary>Space for the combination of the rows; the same for every caller.</summary>
    public Tensor EnsureCombined()
    {
        lock (_lock) { return _combined ??= _memory.RentGradient(); }
    }

    /// <summary>The update's gradient: its only row, or the combination.</summary>
    /// <exception cref="InvalidOperationException">A shard is missing, or several rows have not been combined.</exception>
    public Tensor Gradient
    {
        get
        {
            if (_rows.Length == 1) { return Row(0); }
            lock (_lock) { return _combined ?? throw new InvalidOperationException($"{_rows.Length} gradients have not been combined yet."); }
        }
    }

    /// <summary>Gives all buffers back. A second call gives back none: a buffer that the pool had twice would be lent to two users.</summary>
    public void Dispose()
    {
        foreach (var row in _rows) { row.Dispose(); }
        lock (_lock)
        {
            if (_combined is { } combined) { _memory.ReturnGradient(combined); }
            if (_before is { } before) { _memory.ReturnGradient(before); }
            (_combined, _before) = (null, null);
        }
    }
}
