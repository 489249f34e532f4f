using Ctwa.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>
/// The flat vectors of a model on one device: master weights, optimizer moments, what the model computes with, reference
/// policy, and a pool of gradient buffers. Whole-vector operations are a handful of calls on long vectors; a slice is a range
/// of each. Not thread-safe but for <see cref="RentGradient()"/> and <see cref="ReturnGradient"/>: different slices may be
/// worked on by different lanes, and weights are written only while no graph on them lives.
/// </summary>
public sealed class PolicyMemory : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, Stack<Tensor>> _free = [];
    private readonly List<Tensor> _gradients = [];

    /// <summary>Everything float32 on one device, all weights trained.</summary>
    public PolicyMemory(FlatLayout layout, Device device) : this(new PolicyMemoryOptions(layout) { Device = device }) { }

    public PolicyMemory(PolicyMemoryOptions options)
    {
        Layout = options.Layout;
        Device = options.Device;
        Options = options;
        long mastered = options.IsReplica ? 0 : Layout.Length;
        Weights = Vector(mastered, float32, OptimizerDevice);
        FirstMoment = Vector(mastered, float32, OptimizerDevice);
        SecondMoment = Vector(mastered, float32, OptimizerDevice);
        Compute = options.ComputeType == float32 && !options.OffloadOptimizer && !options.IsReplica ? Weights : Vector(Layout.Length, options.ComputeType, Device);
        Base = options.Frozen is { } frozen ? Vector(frozen.Length, options.ComputeType, Device) : null;
    }

    public PolicyMemoryOptions Options { get; }

    /// <summary>Of what is trained.</summary>
    public FlatLayout Layout { get; }

    /// <summary>Where the model computes.</summary>
    public Device Device { get; }

    /// <summary>Where master weights and moments are, and AdamW runs.</summary>
    public Device OptimizerDevice => Options.OffloadOptimizer ? CPU : Device;

    /// <summary>Master weights: float32, shape [layout length]; empty in a replica, like the moments.</summary>
    public Tensor Weights { get; }

    /// <summary>Adam's m, like <see cref="Weights"/>.</summary>
    public Tensor FirstMoment { get; }

    /// <summary>Adam's v, like <see cref="Weights"/>.</summary>
    public Tensor SecondMoment { get; }

    /// <summary>What the model computes with: the master weights themselves, or their copy in the type and on the device of computation.</summary>
    public Tensor Compute { get; }

    /// <summary>Weights that are not trained, below adapters, in the type of computation; null without adapters.</summary>
    public Tensor? Base { get; }

    /// <summary>Weights of the frozen reference policy, like <see cref="Compute"/>; null if the job keeps none.</summary>
    public Tensor? Reference { get; private set; }

    /// <summary>What a checkpoint holds.</summary>
    public PolicyVectors Vectors => new(Weights, FirstMoment, SecondMoment);

    /// <summary>Space for the reference policy, made on first use.</summary>
    public Tensor EnsureReference() => Reference ??= Vector(Layout.Length, Options.ComputeType, Device);

    /// <summary>Hands master weights to the model, where the two are apart.</summary>
    public void Publish(SliceRange range)
    {
        if (ReferenceEquals(Compute, Weights) || range.Length == 0) { return; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Compute.narrow(0, range.Start, range.Length).copy_(Weights.narrow(0, range.Start, range.Length));
    }

    /// <summary>The same for all weights.</summary>
    public void Publish() => Publish(new SliceRange(0, Layout.Length));

    /// <summary>Takes over from the memory that this one is a replica of what models compute with.</summary>
    public void CopyFrom(PolicyMemory main)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        CopyFrom(main, new SliceRange(0, Layout.Length));
        if (main.Base is { } frozen) { Base!.copy_(frozen); }
        if (main.Reference is { } reference) { EnsureReference().copy_(reference); }
    }

    /// <summary>The same for the weights of one slice, after its update.</summary>
    public void CopyFrom(PolicyMemory main, SliceRange range)
    {
        if (range.Length == 0) { return; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Compute.narrow(0, range.Start, range.Length).copy_(main.Compute.narrow(0, range.Start, range.Length));
    }

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
                buffer = Vector(length, float32, Device);
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
        if (!ReferenceEquals(Compute, Weights)) { Compute.Dispose(); }
        Base?.Dispose();
        Weights.Dispose();
        FirstMoment.Dispose();
        SecondMoment.Dispose();
        Reference?.Dispose();
        foreach (var buffer in _gradients) { buffer.Dispose(); }
    }

    private static Tensor Vector(long length, ScalarType type, Device device) => zeros(length, type, device).DetachFromDisposeScope();
}

/// <summary>What a job's vectors are made of.</summary>
/// <param name="Layout">Places of what is trained.</param>
public sealed record PolicyMemoryOptions(FlatLayout Layout)
{
    /// <summary>Where the model computes.</summary>
    public Device Device { get; init; } = CPU;

    /// <summary>In which type: float32, bfloat16 or float16.</summary>
    public ScalarType ComputeType { get; init; } = float32;

    /// <summary>Places of weights that are not trained, below adapters; null: all are.</summary>
    public FlatLayout? Frozen { get; init; }

    /// <summary>Master weights and moments stay in the host's memory, where AdamW runs.</summary>
    public bool OffloadOptimizer { get; init; }

    /// <summary>Only what models compute with: master weights and moments are in the memory of another device.</summary>
    public bool IsReplica { get; init; }
}
