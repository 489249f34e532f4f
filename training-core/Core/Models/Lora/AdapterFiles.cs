using Ctwa.Training.Specification;

namespace Ctwa.Training.Models.Lora;

/// <summary>Adapters in the layout of PEFT: <c>adapter_model.safetensors</c> and <c>adapter_config.json</c>.</summary>
public static class AdapterFiles
{
    /// <summary>Weights of the adapters.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    /// <summary>What PEFT puts before a parameter's name.</summary>
    public const string Prefix = "base_model.model.";

    /// <summary>Writes both files.</summary>
    /// <param name="baseModel">Folder of the model that the adapters belong to.</param>
    /// <param name="flatWeights">float32, shape [layout length].</param>
    public static void Write(string folder, LoraSpec lora, string? baseModel, FlatLayout layout, Tensor flatWeights)
    {
        var config = new AdapterConfig
        {
            Rank = lora.Rank,
            Alpha = lora.Alpha,
            Dropout = lora.Dropout,
            TargetModules = [.. lora.Targets.Distinct().Select(target => target.Module().Split('.')[1])],
            BaseModel = baseModel,
        };
        File.WriteAllText(Path.Combine(folder, AdapterConfig.FileName), config.ToJson());
        ModelFiles.WriteVector(Path.Combine(folder, WeightsFile), layout, [(Prefix, flatWeights)]);
    }

    /// <summary>Reads the weights of adapters of a known shape.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape: the adapters are of other settings.</exception>
    public static void Read(string folder, FlatLayout layout, Tensor flatWeights) => ModelFiles.ReadVector(Path.Combine(folder, WeightsFile), layout, Prefix, flatWeights);
}
