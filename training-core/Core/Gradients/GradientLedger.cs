using Ctwa.Training.Native;
using Ctwa.Training.Steps;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Gradients;

/// <summary>
/// The gradient of one optimizer update: shards offer their buffers in any order and from any lane, the ledger adds
/// them in the canonical tree (invariant I2) and returns buffers to the pool as soon as they are added, so that about
/// log2(S) + lanes of them are alive instead of S.
/// </summary>
public sealed class GradientLedger : IDisposable
{
    private readonly Lock _lock = new();
    private readonly PolicyMemory _memory;
    private readonly Tensor?[] _buffers;
    private readonly CanonicalTreeSum _tree;
    private bool _disposed;

    public GradientLedger(PolicyMemory memory, int shards)
    {
        _memory = memory;
        _buffers = new Tensor?[shards];
        _tree = new CanonicalTreeSum(shards, Add, Release);
    }

    /// <summary>All shards have been offered and added.</summary>
    public bool IsComplete
    {
        get { lock (_lock) { return _tree.IsComplete; } }
    }

    /// <summary>The sum of all shards.</summary>
    /// <exception cref="InvalidOperationException">A shard is missing.</exception>
    public Tensor Sum
    {
        get { lock (_lock) { return _tree.IsComplete ? _buffers[0]! : throw new InvalidOperationException("not every shard's gradient has arrived."); } }
    }

    /// <summary>The sum over a node of the tree; null if it is not complete, or has gone into a larger node.</summary>
    public Tensor? Node(int first, int count)
    {
        lock (_lock) { return _tree.Holds(first, count) ? _buffers[first] : null; }
    }

    /// <summary>Hands over a shard's gradient. A shard offered twice is counted once; the second buffer goes back to the pool.</summary>
    public void Offer(int shard, Tensor buffer)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                // The update was given up while a shard still worked on it.
                _memory.ReturnGradient(buffer);
                return;
            }

            // The buffer must be in place before the offer: the tree adds from inside it.
            var before = _buffers[shard];
            _buffers[shard] = buffer;
            if (_tree.Offer(shard)) { return; }
            _buffers[shard] = before;
            _memory.ReturnGradient(buffer);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            for (int shard = 0; shard < _buffers.Length; shard++) { Release(shard); }
        }
    }

    private void Add(int left, int right)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _buffers[left]!.PlusInPlace(_buffers[right]!);
    }

    private void Release(int shard)
    {
        if (_buffers[shard] is { } buffer) { _memory.ReturnGradient(buffer); }
        _buffers[shard] = null;
    }
}
