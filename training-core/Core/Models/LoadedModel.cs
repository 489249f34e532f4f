using System.Runtime.InteropServices;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Models.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Models;

/// <summary>A model with its weights in memory, for inference: no moments, no gradients, no reference policy.</summary>
public sealed class LoadedModel : IDisposable
{
    private readonly Tensor _weights;

    private LoadedModel(ModelDescription description, Device device, Tensor weights, IPolicyModel policy) =>
        (Description, Device, _weights, Policy) = (description, device, weights, policy);

    public ModelDescription Description { get; }

    public Device Device { get; }

    /// <summary>Element type of the weights in memory.</summary>
    public ScalarType Type => _weights.dtype;

    /// <summary>The decoder. Its parameters take no gradient.</summary>
    public IPolicyModel Policy { get; }

    /// <summary>Opens what a path names; see <see cref="ModelLocation.Of"/>.</summary>
    /// <param name="path">Model or adapter folder, checkpoint of a run, or run directory.</param>
    /// <param name="device">Default: the CPU.</param>
    /// <param name="type">float32, bfloat16 or float16; default: float32, whatever the files hold.</param>
    /// <param name="warn">Receives one line per damaged checkpoint that was skipped.</param>
    /// <exception cref="InvalidDataException">There is no such model, or it cannot be used; the message says what to do.</exception>
    public static LoadedModel Open(string path, Device? device = null, ScalarType type = ScalarType.Float32, Action<string>? warn = null) =>
        Load(ModelDescription.Read(ModelLocation.Of(path, warn ?? (_ => { }))), device, type);

    /// <summary>Reads the weights of a described model.</summary>
    /// <exception cref="InvalidDataException">The files have changed, the memory does not suffice, or the device is not there.</exception>
    public static LoadedModel Load(ModelDescription description, Device? device = null, ScalarType type = ScalarType.Float32)
    {
        if (type is not (ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16)) { throw new ArgumentException($"weights cannot be held as {type}; choose float32, bfloat16 or float16.", nameof(type)); }
        device ??= CPU;
        if (device.type == DeviceType.CUDA && !cuda.is_available()) { throw new InvalidDataException("no CUDA device is available to libtorch here; use --device cpu, or a build with TorchBackend=cuda or external on a machine with a GPU."); }

        Tensor? weights = null;
        try
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            var layout = FlatLayout.Of(description.Config.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())));
            weights = zeros(layout.Length, type, device).DetachFromDisposeScope();
            ModelFiles.Load(description.Location.ModelFolder, layout, weights);
            if (description.Adapter is { } adapter) { Merge(adapter, layout, weights); }
            return new LoadedModel(description, device, weights, new DecoderModel(description.Config, layout, weights));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or ExternalException)
        {
            weights?.Dispose();
            string first = e.Message.Split('\n')[0];
            throw new InvalidDataException(e is ExternalException ? $"{description.Location.Given} cannot be loaded: {first}. It has {description.Config.ParameterCount():N0} parameters; is there room for them?" : e.Message, e);
        }
    }

    /// <summary>Adds an adapter into the weights, as it is added for other programs; in half precision the sum is rounded once.</summary>
    private static void Merge(AdapterFolder adapter, FlatLayout layout, Tensor weights)
    {
        using var reader = adapter.OpenWeights();
        var places = layout.Entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        foreach (var module in adapter.Modules)
        {
            using var scope = NewDisposeScope();
            var entry = places[module.WeightName];
            Tensor a = empty([adapter.Config.Rank, module.Inputs], float32), b = empty([module.Outputs, adapter.Config.Rank], float32);
            reader.CopyTo(module.NameOfA, a);
            reader.CopyTo(module.NameOfB, b);
            var place = weights.narrow(0, entry.Offset, entry.Length).view(entry.Shape);
            place.copy_(AdapterMerge.Merge(place.cpu(), a, b, adapter.Config.Scale));
        }
    }

    public void Dispose()
    {
        Policy.Dispose();
        _weights.Dispose();
    }
}
