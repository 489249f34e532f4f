using Ctwa.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>
/// The flat vectors of a model on one device: weights, optimizer moments, reference policy, and a pool of gradient
/// buffers. Whole-vector operations are a handful of calls on long vectors; a slice is a range of each.
/// Not thread-safe but for <see cref="RentGradient"/> and <see cref="ReturnGradient"/>: different slices may be
/// worked on by different lanes, and weights are written only while no graph on them lives.
/// </summary>
public sealed class PolicyMemory : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, Stack<Tensor>> _free = [];
    private readonly List<Tensor> _gradients = [];

    public PolicyMemory(FlatLayout layout, Device device)
    {
        Layout = layout;
        Device = device;
        Weights = Vector();
        FirstMoment = Vector();
        SecondMoment = Vector();
    }

    public FlatLayout Layout { get; }

    public Device Device { get; }

    /// <summary>float32, shape [layout length].</summary>
    public Tensor Weights { get; }

    /// <summary>Adam's m, like <see cref="Weights"/>.</summary>
    public Tensor FirstMoment { get; }

    /// <summary>Adam's v, like <see cref="Weights"/>.</summary>
    public Tensor SecondMoment { get; }

    /// <summary>Weights of the frozen reference policy; null if the job keeps none.</summary>
    public Tensor? Reference { get; private set; }

    /// <summary>Space for the reference policy, made on first use.</summary>
    public Tensor EnsureReference() => Reference ??= Vector();

    /// <summary>A gradient buffer for all parameters, filled with zeros.</summary>
    public Tensor RentGradient() => RentGradient(Layout.Length);

    /// <summary>A shorter one.</summary>
    public Tensor RentGradient(long length)
    {
        Tensor? buffer;
        lock (_lock)
        {
            if (!_free.TryGetValue(length, out var free) || !free.TryPop(out buffer))
            {
                buffer = Vector(length);
                _gradients.Add(buffer);
                return buffer;
            }
        }

        using var scope = NewDisposeScope(); // zero_ returns a second wrapper of the same tensor.
        using var noGrad = no_grad();
        buffer.zero_();
        return buffer;
    }

    /// <summary>Gives a buffer back.</summary>
    public void ReturnGradient(Tensor buffer)
    {
        lock (_lock)
        {
            if (!_free.TryGetValue(buffer.NumberOfElements, out var free)) { _free[buffer.NumberOfElements] = free = new(); }
            free.Push(buffer);
        }
    }

    public void Dispose()
    {
        Weights.Dispose();
        FirstMoment.Dispose();
        SecondMoment.Dispose();
        Reference?.Dispose();
        foreach (var buffer in _gradients) { buffer.Dispose(); }
    }

    private Tensor Vector() => Vector(Layout.Length);

    private Tensor Vector(long length) => zeros(length, float32, Device).DetachFromDisposeScope();
}
