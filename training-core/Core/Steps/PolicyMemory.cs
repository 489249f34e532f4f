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
    private readonly Stack<Tensor> _free = new();
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

    /// <summary>A gradient buffer filled with zeros.</summary>
    public Tensor RentGradient()
    {
        Tensor? buffer;
        lock (_lock)
        {
            if (!_free.TryPop(out buffer))
            {
                buffer = Vector();
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
        lock (_lock) { _free.Push(buffer); }
    }

    public void Dispose()
    {
        Weights.Dispose();
        FirstMoment.Dispose();
        SecondMoment.Dispose();
        Reference?.Dispose();
        foreach (var buffer in _gradients) { buffer.Dispose(); }
    }

    private Tensor Vector() => zeros(Layout.Length, float32, Device).DetachFromDisposeScope();
}
