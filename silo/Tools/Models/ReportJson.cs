using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Models;

/// <summary>A report for programs: one JSON object, numbers in bytes and counts.</summary>
internal static class ReportJson
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Of(ModelReport report)
    {
        var json = new JsonObject { ["path"] = report.Path, ["kind"] = report.Kind };
        if (report.Checkpoints.Length > 0) { json["checkpoints"] = List(report.Checkpoints.Select(name => (JsonNode)name)); }
        if (report.Adapter is { } adapter)
        {
            json["adapter"] = new JsonObject { ["rank"] = adapter.Rank, ["alpha"] = adapter.Alpha, ["scale"] = adapter.Scale, ["target_modules"] = List(adapter.TargetModules.Select(name => (JsonNode)name)), ["base_model"] = adapter.BaseModel, ["parameters"] = report.AdapterParameters };
        }

        if (report.Model is { } model) { Shape(json, model); }
        if (report.Tokenizer is { } tokenizer)
        {
            json["tokenizer"] = new JsonObject { ["size"] = tokenizer.Size, ["chat_template"] = tokenizer.ChatTemplate };
            json["stop_tokens"] = List(report.Stops.Select(stop => new JsonObject { ["id"] = stop.Id, ["text"] = stop.Text, ["files"] = List(stop.Files.Select(file => (JsonNode)file)) }));
        }

        json["stored"] = List(report.Types.Select(type => new JsonObject { ["dtype"] = type.Type.ToString(), ["tensors"] = type.Tensors, ["elements"] = type.Elements }));
        json["files"] = List(report.Files.Select(file => new JsonObject { ["name"] = file.Name, ["size_bytes"] = file.SizeBytes, ["tensors"] = file.Tensors }));
        if (report.Metadata.Length > 0) { json["metadata"] = new JsonObject(report.Metadata.DistinctBy(pair => pair.Key).Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))); }
        json["problems"] = List(report.Problems.Select(problem => (JsonNode)problem));
        return json.ToJsonString(s_indented);
    }

    private static void Shape(JsonObject json, ModelConfig model)
    {
        var memory = new ModelMemory(model);
        json["architecture"] = ModelConfig.TypeName(model.Architecture);
        json["config"] = JsonNode.Parse(model.ToJson());
        json["head_dim"] = model.HeadDim;
        json["parameters"] = new JsonObject { ["total"] = memory.Parameters, ["embedding"] = memory.Embedding, ["per_layer"] = memory.PerLayer, ["output"] = model.TieWordEmbeddings ? 0 : memory.Embedding };
        json["memory_bytes"] = new JsonObject
        {
            ["policy_float32"] = memory.Weights(4),
            ["policy_bfloat16"] = memory.Weights(2),
            ["gradients_float32"] = memory.Weights(4),
            ["adamw_moments_float32"] = memory.Moments,
            ["reference_float32"] = memory.Weights(4),
            ["reference_bfloat16"] = memory.Weights(2),
            ["kv_cache_per_token_float32"] = memory.CachePerToken(4),
            ["kv_cache_per_token_bfloat16"] = memory.CachePerToken(2),
            ["lora_r16_float32"] = 4 * memory.AdapterParameters,
        };
        json["lora_r16_parameters"] = memory.AdapterParameters;
    }

    private static JsonArray List(IEnumerable<JsonNode> items) => new([.. items]);
}
