using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Models.Lora;

/// <summary>Adapters in the layout of PEFT: <c>adapter_model.safetensors</c> and <c>adapter_config.json</c>.</summary>
public static class AdapterFiles
{
    /// <summary>Weights of the adapters.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    /// <summary>What they are adapters of.</summary>
    public const string ConfigFile = "adapter_config.json";

    /// <summary>What PEFT puts before a parameter's name.</summary>
    public const string Prefix = "base_model.model.";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Writes both files.</summary>
    /// <param name="baseModel">Folder of the model that the adapters belong to.</param>
    /// <param name="flatWeights">float32, shape [layout length].</param>
    public static void Write(string folder, LoraSpec lora, string? baseModel, FlatLayout layout, Tensor flatWeights)
    {
        var config = new JsonObject
        {
            ["base_model_name_or_path"] = baseModel,
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["lora_alpha"] = lora.Alpha,
            ["lora_dropout"] = lora.Dropout,
            ["modules_to_save"] = null,
            ["peft_type"] = "LORA",
            ["r"] = lora.Rank,
            ["target_modules"] = new JsonArray([.. lora.Targets.Distinct().Order().Select(target => (JsonNode)target.Module().Split('.')[1])]),
            ["task_type"] = "CAUSAL_LM",
            ["use_dora"] = false,
            ["use_rslora"] = false,
        };
        File.WriteAllText(Path.Combine(folder, ConfigFile), config.ToJsonString(s_indented) + "\n");
        ModelFiles.WriteVector(Path.Combine(folder, WeightsFile), layout, [(Prefix, flatWeights)]);
    }

    /// <summary>Reads the weights of adapters of a known shape.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape: the adapters are of other settings.</exception>
    public static void Read(string folder, FlatLayout layout, Tensor flatWeights) => ModelFiles.ReadVector(Path.Combine(folder, WeightsFile), layout, Prefix, flatWeights);
}
