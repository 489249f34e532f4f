using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Ctwa.Training.Models.Lora;

/// <summary>Adapters over flat memory, as one decoder instance uses them. The base model's parameters get no gradient.</summary>
public sealed class LoraAdapters : IDisposable
{
    private readonly LoraSpec _spec;
    private readonly Dictionary<string, Parameter> _parameters = new(StringComparer.Ordinal);

    /// <param name="layout">Places of <see cref="LoraLayout.Parameters"/>.</param>
    /// <param name="flatWeights">Shape [layout length], in the base model's type.</param>
    public LoraAdapters(LoraSpec spec, FlatLayout layout, Tensor flatWeights)
    {
        _spec = spec;
        Layout = layout;
        using var noGrad = no_grad();
        foreach (var entry in layout.Entries.Where(entry => entry.Name.Contains(".lora_", StringComparison.Ordinal)))
        {
            var parameter = new Parameter(flatWeights.narrow(0, entry.Offset, entry.Length).view(entry.Shape), requires_grad: true);
            _parameters.Add(entry.Name, (Parameter)parameter.DetachFromDisposeScope());
        }
    }

    public FlatLayout Layout { get; }

    /// <summary>Identity of the micro-batch whose dropout is drawn; null: none is dropped, as in scoring and generation.</summary>
    public DropoutIdentity? Dropout { get; set; }

    /// <summary>By name.</summary>
    public IReadOnlyDictionary<string, Parameter> Parameters => _parameters;

    /// <summary>The adapter's part of a matrix's output, or null if the matrix has no adapter.</summary>
    public Tensor? Apply(int layer, LoraTarget target, Tensor input)
    {
        string module = LoraLayout.Module(layer, target);
        if (!_parameters.TryGetValue(module + LoraLayout.A, out var a)) { return null; }
        var low = functional.linear(Drop(input, layer, target), a);
        return functional.linear(low, _parameters[module + LoraLayout.B]).Times(_spec.Alpha / _spec.Rank);
    }

    public void Dispose()
    {
        foreach (var parameter in _parameters.Values) { parameter.Dispose(); }
    }

    // Seeded anew for every matrix: a mask is a function of the job and the micro-batch, and a recomputed block gets the same.
    private Tensor Drop(Tensor input, int layer, LoraTarget target)
    {
        if (_spec.Dropout == 0 || Dropout is not { } identity) { return input; }
        ulong bits = CounterRandom.Bits(identity.Seed, RandomPurpose.AdapterDropout, identity.Step, identity.MicroBatch, layer, (int)target);
        using var generator = new Generator(bits >> 1, input.device);
        using var kept = rand(input.shape, dtype: float32, device: input.device, generator: generator).ge(Scalars.Of(_spec.Dropout));
        return input.mul(kept.to(input.dtype)).Times(1 / (1 - _spec.Dropout));
    }
}

/// <summary>What a dropout mask is a function of, besides layer and matrix.</summary>
/// <param name="Seed">Of the job.</param>
/// <param name="Step">Step of the run.</param>
/// <param name="MicroBatch">Number that no other micro-batch of the step has.</param>
public readonly record struct DropoutIdentity(long Seed, long Step, long MicroBatch);
