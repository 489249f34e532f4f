using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Ctwa.Training.Models;

/// <summary>
/// Linear value estimates on a policy's last hidden state, one per reward stream; weights and biases lie behind the policy's
/// parameters in flat memory and start at 0. It is no part of the exported model.
/// </summary>
public sealed class ValueHead : IDisposable
{
    private const string WeightName = "value_head.weight", BiasName = "value_head.bias";

    private readonly FlatEntry[] _entries;
    private readonly Parameter[] _parameters;

    /// <param name="layout">Holds <see cref="Parameters"/>.</param>
    /// <param name="flatWeights">Shape [layout length], in the type of the hidden states.</param>
    public ValueHead(FlatLayout layout, Tensor flatWeights)
    {
        _entries = [.. Entries(layout)];
        using var noGrad = no_grad();
        _parameters = [.. _entries.Select(entry => (Parameter)new Parameter(flatWeights.narrow(0, entry.Offset, entry.Length).view(entry.Shape), requires_grad: true).DetachFromDisposeScope())];
    }

    /// <summary>Names and shapes of the head's parameters.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Parameters(int streams, int hidden) => [(WeightName, [streams, hidden]), (BiasName, [streams])];

    /// <summary>The head's places in a layout that has one.</summary>
    public static IEnumerable<FlatEntry> Entries(FlatLayout layout) => layout.Entries.Where(entry => entry.Name is WeightName or BiasName);

    /// <summary>Makes <c>backward</c> add into <paramref name="flatGradient"/>, shape [layout length].</summary>
    public void PointGradientsAt(Tensor flatGradient)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        for (int i = 0; i < _entries.Length; i++) { _parameters[i].grad = flatGradient.narrow(0, _entries[i].Offset, _entries[i].Length).view(_entries[i].Shape); }
    }

    /// <summary>Values of hidden states [N, hidden]: float32, shape [N, streams].</summary>
    public Tensor Values(Tensor hidden)
    {
        var values = functional.linear(hidden, _parameters[0], _parameters[1]);
        return values.dtype == float32 ? values : values.to(float32);
    }

    public void Dispose()
    {
        foreach (var parameter in _parameters) { parameter.Dispose(); }
    }
}
