using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Steps;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Gradients;

/// <summary>
/// The gradients of one optimizer update or probe over one slice of the parameters, summed over all shards: one row, or one per
/// objective (and one for KL and entropy), and their combination. Whoever holds a copy of the slice has its own; where the
/// sums come from, the copy's holder knows: views of <see cref="UpdateGradients"/>, or sums of what other silos sent.
/// </summary>
public sealed class SliceGradients : IDisposable
{
    private readonly PolicyMemory _memory;
    private readonly Tensor[] _rows;
    private readonly bool _owned;
    private Tensor? _before;
    private Tensor? _combined;

    /// <summary>Takes over sums that were made elsewhere.</summary>
    /// <param name="memory">Whose pool the rows come from, and get back to on disposal.</param>
    /// <param name="slice">The slice.</param>
    /// <param name="covered">Part of the slice that the rows cover.</param>
    /// <param name="rows">Shape [covered length] each, rented from <paramref name="memory"/>.</param>
    /// <param name="rememberWeights">Keep a copy of the slice's present weights, to compare later ones with.</param>
    public SliceGradients(PolicyMemory memory, SliceRange slice, SliceRange covered, Tensor[] rows, bool rememberWeights = false) : this(memory, slice, covered, rows, owned: true, rememberWeights) { }

    private SliceGradients(PolicyMemory memory, SliceRange slice, SliceRange covered, Tensor[] rows, bool owned, bool rememberWeights)
    {
        _memory = memory;
        Slice = slice;
        Covered = covered;
        _rows = rows;
        _owned = owned;
        if (!rememberWeights || slice.Length == 0) { return; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _before = memory.RentGradient(slice.Length);
        _before.copy_(memory.Weights.narrow(0, slice.Start, slice.Length));
    }

    /// <summary>A slice's part of an update that is complete in this memory: nothing is copied.</summary>
    /// <exception cref="InvalidOperationException">A shard is missing.</exception>
    public static SliceGradients ViewOf(UpdateGradients update, SliceRange slice, bool rememberWeights = false)
    {
        var covered = Intersect(slice, update.Covered);
        Tensor[] rows = [.. Enumerable.Range(0, update.RowCount).Select(row => update.Row(row).narrow(0, covered.Length == 0 ? 0 : covered.Start - update.Covered.Start, covered.Length).DetachFromDisposeScope())];
        return new SliceGradients(update.Memory, slice, covered, rows, owned: false, rememberWeights);
    }

    /// <summary>The slice.</summary>
    public SliceRange Slice { get; }

    /// <summary>Part of the slice that the rows cover.</summary>
    public SliceRange Covered { get; }

    public int RowCount => _rows.Length;

    /// <summary>Weights of the slice when this was made, shape [slice length].</summary>
    /// <exception cref="InvalidOperationException">They were not kept.</exception>
    public Tensor WeightsBefore => _before ?? throw new InvalidOperationException("the weights of this update were not kept.");

    /// <summary>The update's gradient over the slice: its only row, or the combination.</summary>
    /// <exception cref="InvalidOperationException">Several rows have not been combined.</exception>
    public Tensor Gradient => _rows.Length == 1 ? _rows[0] : _combined ?? throw new InvalidOperationException($"{_rows.Length} gradients have not been combined yet.");

    /// <summary>A row, shape [covered length].</summary>
    public Tensor Row(int index) => _rows[index];

    /// <summary>Space for the combination of the rows, shape [slice length].</summary>
    public Tensor EnsureCombined() => _combined ??= _memory.RentGradient(Slice.Length);

    /// <summary>Adds one sum of gradients into another, in place.</summary>
    public static void Add(Tensor into, Tensor other)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        into.PlusInPlace(other);
    }

    /// <summary>What two ranges have in common; of length 0 at the first one's start if nothing.</summary>
    public static SliceRange Intersect(SliceRange one, SliceRange other)
    {
        long start = Math.Max(one.Start, other.Start), end = Math.Min(one.Start + one.Length, other.Start + other.Length);
        return end <= start ? new SliceRange(one.Start, 0) : new SliceRange(start, end - start);
    }

    /// <summary>Gives buffers back; a second call gives back none.</summary>
    public void Dispose()
    {
        if (_combined is { } combined) { _memory.ReturnGradient(combined); }
        if (_before is { } before) { _memory.ReturnGradient(before); }
        (_combined, _before) = (null, null);
        for (int row = 0; row < _rows.Length; row++)
        {
            if (_rows[row] is not { } tensor) { continue; }
            if (_owned) { _memory.ReturnGradient(tensor); }
            else { tensor.Dispose(); }
            _rows[row] = null!;
        }
    }
}
