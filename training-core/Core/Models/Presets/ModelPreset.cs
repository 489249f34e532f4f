using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Models.Presets;

/// <summary>
/// The configuration of a published model, for a model of its shape with random weights. The texts are those of the
/// models' own config.json and generation_config.json (base models, not the instruction-tuned ones).
/// </summary>
public sealed class ModelPreset
{
    private readonly string _config, _generation;

    private ModelPreset(string name) => (Name, _config, _generation) = (name, Text(name + ".config.json"), Text(name + ".generation_config.json"));

    /// <summary>All presets by name.</summary>
    public static ImmutableArray<string> Names { get; } = ["qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-7b", "qwen3-0.6b", "llama3.2-1b", "tiny"];

    public string Name { get; }

    /// <summary>Whether its tokenizer is the built-in one, so that none need be given.</summary>
    public bool HasBuiltInTokenizer => Name == "tiny";

    /// <summary>The preset of that name, or null.</summary>
    public static ModelPreset? Find(string name) => Names.Contains(name.ToLowerInvariant()) ? new ModelPreset(name.ToLowerInvariant()) : null;

    /// <summary>The published configuration.</summary>
    public ModelConfig Config => Parse(_config);

    /// <summary>Its config.json with another element type, vocabulary or stop tokens.</summary>
    /// <param name="dtype">float32, bfloat16 or float16; null: as published.</param>
    /// <param name="vocabulary">Rows of the embedding; null: as published.</param>
    /// <param name="stop">Replacement of eos_token_id (null in JSON if empty) and removal of bos_token_id; null: as published.</param>
    /// <exception cref="InvalidDataException">The values contradict each other.</exception>
    public string ConfigJson(string? dtype, int? vocabulary, ImmutableArray<int>? stop)
    {
        if (dtype is null && vocabulary is null && stop is null) { return _config; }
        var json = JsonNode.Parse(_config)!.AsObject();
        if (dtype is not null) { json["torch_dtype"] = dtype; }
        if (vocabulary is { } rows) { json["vocab_size"] = rows; }
        if (stop is { } ids) { json["eos_token_id"] = Ids(ids); json["bos_token_id"] = null; }
        string text = Write(json);
        Parse(text);
        return text;
    }

    /// <summary>Its generation_config.json, with the same replacement.</summary>
    public string GenerationJson(ImmutableArray<int>? stop, int? padding)
    {
        if (stop is not { } ids) { return _generation; }
        var json = JsonNode.Parse(_generation)!.AsObject();
        json.Remove("bos_token_id");
        json["eos_token_id"] = Ids(ids);
        if (padding is { } id) { json["pad_token_id"] = id; } else { json.Remove("pad_token_id"); }
        return Write(json);
    }

    private static JsonNode? Ids(ImmutableArray<int> ids) => ids switch { [] => null, [var one] => one, _ => new JsonArray([.. ids.Select(id => (JsonNode)id)]) };

    private ModelConfig Parse(string text)
    {
        var errors = new List<string>();
        return ModelConfig.ReadText(Name, text, errors) ?? throw new InvalidDataException(string.Join(Environment.NewLine, errors));
    }

    private static string Write(JsonObject json) => json.ToJsonString(s_indented) + "\n";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n" };

    private static string Text(string file)
    {
        using var stream = typeof(ModelPreset).Assembly.GetManifestResourceStream("Ctwa.Training.Models.Presets." + file)
            ?? throw new InvalidOperationException($"This build lacks the resource {file}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
