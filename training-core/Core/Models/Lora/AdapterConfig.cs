using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ctwa.Training.Models.Lora;

/// <summary>
/// A PEFT adapter_config.json of a LoRA adapter (Hu et al., arXiv 2106.09685): the weight of every target module becomes
/// <c>W + scale · B A</c>. What would make another adapter than that (DoRA, biases, ranks per module, ...) is refused.
/// </summary>
public sealed record AdapterConfig
{
    public const string FileName = "adapter_config.json";

    /// <summary>Rows of A and columns of B.</summary>
    public required int Rank { get; init; }

    /// <summary>Numerator of the scale.</summary>
    public required double Alpha { get; init; }

    /// <summary>Last parts of the names of the adapted linear layers, such as q_proj.</summary>
    public required ImmutableArray<string> TargetModules { get; init; }

    /// <summary>Folder (or hub name) of the model that the adapter belongs to; null if the file does not say.</summary>
    public string? BaseModel { get; init; }

    /// <summary>Part of the adapter's input that is dropped in training; never in scoring or generation.</summary>
    public double Dropout { get; init; }

    /// <summary>Whether the scale is α / √r (arXiv 2312.03732) instead of α / r.</summary>
    public bool RankStabilized { get; init; }

    /// <summary>Factor of B A.</summary>
    public double Scale => Alpha / (RankStabilized ? Math.Sqrt(Rank) : Rank);

    /// <summary>Reads and checks a file.</summary>
    /// <exception cref="InvalidDataException">It is no adapter that can be used here; the message lists every reason, one a line.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static AdapterConfig Read(string path)
    {
        var errors = new List<string>();
        return Read(path, errors) ?? throw new InvalidDataException(string.Join(Environment.NewLine, errors));
    }

    /// <summary>The same; adds one finding per defect to <paramref name="errors"/> and returns null if there is any.</summary>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static AdapterConfig? Read(string path, ICollection<string> errors) => new AdapterConfigReader(path, errors).Read();

    /// <summary>A file that PEFT reads as this adapter.</summary>
    public string ToJson() => new JsonObject
    {
        ["alpha_pattern"] = new JsonObject(),
        ["auto_mapping"] = null,
        ["base_model_name_or_path"] = BaseModel,
        ["bias"] = "none",
        ["fan_in_fan_out"] = false,
        ["inference_mode"] = true,
        ["init_lora_weights"] = true,
        ["layers_pattern"] = null,
        ["layers_to_transform"] = null,
        ["lora_alpha"] = Alpha == Math.Floor(Alpha) && Alpha < int.MaxValue ? (int)Alpha : Alpha,
        ["lora_dropout"] = Dropout,
        ["modules_to_save"] = null,
        ["peft_type"] = "LORA",
        ["r"] = Rank,
        ["rank_pattern"] = new JsonObject(),
        ["revision"] = null,
        ["target_modules"] = new JsonArray([.. TargetModules.Order(StringComparer.Ordinal).Select(name => (JsonNode)name)]),
        ["task_type"] = "CAUSAL_LM",
        ["use_dora"] = false,
        ["use_rslora"] = RankStabilized,
    }.ToJsonString(indented) + "\n";

    private static readonly JsonSerializerOptions indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Equality by value, the order of the target modules aside.</summary>
    public bool Equals(AdapterConfig? other) => other is not null && ToJson() == other.ToJson();

    public override int GetHashCode() => ToJson().GetHashCode(StringComparison.Ordinal);
}
