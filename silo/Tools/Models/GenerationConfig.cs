using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Training.Specification;
using Ctwa.Training.Tokenization;

namespace Ctwa.Silo.Tools.Models;

/// <summary>generation_config.json, from which transformers and vLLM take the tokens that end an answer.</summary>
internal static class GenerationConfig
{
    public const string FileName = Ctwa.Training.Specification.GenerationConfig.FileName;
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Copies the first folder's that has one, else makes one of config.json and tokenizer.</summary>
    public static void Write(IReadOnlyList<string> folders, ModelConfig config, string target)
    {
        string file = Path.Combine(target, FileName);
        if (folders.Select(folder => Path.Combine(folder, FileName)).FirstOrDefault(File.Exists) is { } there)
        {
            StopTokens(there);
            File.Copy(there, file);
            return;
        }

        var tokenizer = File.Exists(Path.Combine(target, "tokenizer.json")) ? HuggingFaceTokenizer.Load(target) : null;
        var stop = config.EosTokenIds is [] ? tokenizer?.EndOfTextIds ?? [] : config.EosTokenIds;
        var json = new JsonObject { ["_from_model_config"] = true };
        if (config.BosTokenId is { } begin) { json["bos_token_id"] = begin; }
        json["do_sample"] = true;
        if (stop.Length > 0) { json["eos_token_id"] = stop is [var one] ? one : new JsonArray([.. stop.Select(id => (JsonNode)id)]); }
        if (tokenizer?.PaddingId is { } padding) { json["pad_token_id"] = padding; }
        File.WriteAllText(file, json.ToJsonString(s_indented) + "\n");
    }

    /// <summary>The eos_token_id of a file; empty if it has none.</summary>
    /// <exception cref="InvalidDataException">The file is no such configuration.</exception>
    public static ImmutableArray<int> StopTokens(string path) => Ctwa.Training.Specification.GenerationConfig.Read(path).EosTokenIds;
}
