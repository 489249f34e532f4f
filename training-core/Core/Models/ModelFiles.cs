using Ctwa.Training.Checkpoints;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Models;

/// <summary>Weights between flat memory and safetensors files.</summary>
public static class ModelFiles
{
    /// <summary>Seeded random weights: matrices normal with the configuration's deviation, biases 0, norms 1.</summary>
    public static void Initialize(FlatLayout layout, double deviation, long seed, Tensor flatWeights)
    {
        using var noGrad = no_grad();
        for (int index = 0; index < layout.Entries.Count; index++)
        {
            var entry = layout.Entries[index];
            using var scope = NewDisposeScope();
            var destination = flatWeights.narrow(0, entry.Offset, entry.Length);
            if (entry.Name.EndsWith("norm.weight", StringComparison.Ordinal)) { destination.fill_(1); continue; }
            if (entry.Name.EndsWith(".bias", StringComparison.Ordinal)) { destination.fill_(0); continue; }

            float[] values = new float[entry.Length];
            for (long i = 0; i < values.Length; i++)
            {
                values[i] = (float)(deviation * CounterRandom.Normal(seed, RandomPurpose.WeightInitialization, 0, i, index, 0));
            }

            destination.copy_(tensor(values));
        }
    }

    /// <summary>Reads a model folder's weights, converted to float32.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape than the configuration says.</exception>
    public static void Load(string folder, FlatLayout layout, Tensor flatWeights)
    {
        using var reader = SafetensorsReader.Open(folder);
        ReadInto(reader, layout, flatWeights, prefix: "");
    }

    /// <summary>Writes <c>model.safetensors</c> and <c>config.json</c>.</summary>
    public static void Save(string folder, ModelConfig config, FlatLayout layout, Tensor flatWeights)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJson());
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
        using var noGrad = no_grad();
        foreach (var entry in layout.Entries)
        {
            using var scope = NewDisposeScope();
            reader.CopyTo(prefix + entry.Name, flat.narrow(0, entry.Offset, entry.Length).view(entry.Shape));
        }
    }
}
