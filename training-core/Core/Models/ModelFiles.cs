using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models.Presets;
using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Models;

/// <summary>Weights between flat memory and safetensors files.</summary>
public static class ModelFiles
{
    /// <summary>Findings told in one error: a configuration of another size contradicts every tensor.</summary>
    private const int MaxFindings = 4;

    /// <summary>Seeded random weights: matrices normal with the configuration's deviation, biases 0, norms 1.</summary>
    public static void Initialize(FlatLayout layout, double deviation, long seed, Tensor flatWeights)
    {
        using var noGrad = no_grad();
        for (int index = 0; index < layout.Entries.Count; index++)
        {
            var entry = layout.Entries[index];
            using var scope = NewDisposeScope();
            var destination = flatWeights.narrow(0, entry.Offset, entry.Length);
            if (RandomWeights.Constant(entry.Name) is { } constant) { destination.fill_(Scalars.Of(constant)); continue; }

            float[] values = new float[entry.Length];
            RandomWeights.Fill(values, 0, index, deviation, seed);
            destination.copy_(tensor(values));
        }
    }

    /// <summary>Reads a model folder's weights, converted to the type of <paramref name="flatWeights"/>.</summary>
    /// <exception cref="InvalidDataException">
    /// A tensor is missing, has another shape or type than the configuration calls for, or belongs to no parameter;
    /// <paramref name="flatWeights"/> is then as it was.
    /// </exception>
    public static void Load(string folder, FlatLayout layout, Tensor flatWeights)
    {
        using var reader = SafetensorsReader.Open(folder);
        var known = layout.Entries.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        string[] unknown = [.. reader.Names.Where(name => !known.Contains(name) && !IsHarmless(name))];
        if (unknown.Length > 0)
        {
            throw new InvalidDataException($"{folder} holds {unknown.Length} tensors that belong to no parameter that its config.json calls for, such as '{unknown[0]}'; the weights belong to another model configuration.");
        }

        ReadInto(reader, layout, flatWeights, prefix: "");
    }

    /// <summary>Writes <c>model.safetensors</c> and <c>config.json</c>.</summary>
    public static void Save(string folder, ModelConfig config, FlatLayout layout, Tensor flatWeights)
    {
        // What other software makes of the weights by default: the type they are stored in, not that of the model they came from.
        string type = flatWeights.dtype switch { ScalarType.BFloat16 => "bfloat16", ScalarType.Float16 => "float16", _ => "float32" };
        File.WriteAllText(Path.Combine(folder, "config.json"), (config with { TorchDtype = type }).ToJson());
        WriteVector(Path.Combine(folder, "model.safetensors"), layout, [("", flatWeights)]);
    }

    /// <summary>Writes flat vectors of one layout, each tensor named <c>prefix + parameter</c>.</summary>
    public static void WriteVector(string path, FlatLayout layout, IReadOnlyList<(string Prefix, Tensor Flat)> vectors)
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(path, vectors.SelectMany(vector => layout.Entries.Select(entry =>
            (vector.Prefix + entry.Name, vector.Flat.narrow(0, entry.Offset, entry.Length).view(entry.Shape)))), flushToDisk: true);
    }

    /// <summary>Reads a flat vector written by <see cref="WriteVector"/>.</summary>
    public static void ReadVector(string path, FlatLayout layout, string prefix, Tensor flat)
    {
        using var reader = SafetensorsReader.Open(path);
        ReadInto(reader, layout, flat, prefix);
    }

    private static void ReadInto(SafetensorsReader reader, FlatLayout layout, Tensor flat, string prefix)
    {
        // All are checked before any is copied: a refused file must not leave weights of two models behind.
        Check(reader, layout, prefix);
        using var noGrad = no_grad();
        foreach (var entry in layout.Entries)
        {
            using var scope = NewDisposeScope();
            var place = flat.narrow(0, entry.Offset, entry.Length).view(entry.Shape);
            var host = flat.device_type == DeviceType.CPU ? place : empty(entry.Shape, flat.dtype);
            reader.CopyTo(prefix + entry.Name, host);
            if (!ReferenceEquals(host, place)) { place.copy_(host); }
        }
    }

    private static void Check(SafetensorsReader reader, FlatLayout layout, string prefix)
    {
        string[] findings = [.. layout.Entries.Select(entry => Finding(reader, entry, prefix)).OfType<string>()];
        if (findings.Length == 0) { return; }
        string more = findings.Length > MaxFindings ? $"; {findings.Length - MaxFindings} more tensors are wrong" : "";
        throw new InvalidDataException($"{reader.Source}: {string.Join("; ", findings.Take(MaxFindings))}{more}. The weights belong to another model configuration.");
    }

    private static string? Finding(SafetensorsReader reader, FlatEntry entry, string prefix)
    {
        string name = prefix + entry.Name;
        if (!reader.Contains(name)) { return $"tensor '{name}' of shape {SafetensorsTensors.Show(entry.Shape)} is missing"; }
        var stored = reader.Entry(name);
        if (!stored.Shape.AsSpan().SequenceEqual(entry.Shape)) { return $"tensor '{name}' has shape {SafetensorsTensors.Show(stored.Shape)}, but {SafetensorsTensors.Show(entry.Shape)} is expected"; }
        return stored.DType is SafetensorsDType.F32 or SafetensorsDType.BF16 or SafetensorsDType.F16 ? null : $"tensor '{name}' is stored as {stored.DType}; accepted are F32, BF16 and F16";
    }

    // Files of tied models sometimes repeat the embedding as lm_head, and old ones keep the rotary frequencies.
    // An untied model's lm_head is a parameter and never comes here.
    private static bool IsHarmless(string name) => name == "lm_head.weight" || name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);
}
