using System.Text.Json.Nodes;
using Ctwa.Training.Datasets;
using Ctwa.Training.Models;
using Ctwa.Training.Specification;
using Ctwa.Training.Tokenization;
using static TorchSharp.torch;

namespace Ctwa.Training.Rewards;

/// <summary>Writes a tiny sequence-classification folder with the built-in tokenizer and seeded random weights.</summary>
internal static class ClassifierFolder
{
    public static void Write(string folder, int labels, Action<JsonObject>? change = null)
    {
        ArithmeticTokenizer.WriteTo(folder);
        var init = new ModelInitSpec { HiddenSize = 16, IntermediateSize = 40, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, Tokenizer = "arithmetic", MaxPositionEmbeddings = 4096, TieWordEmbeddings = true };
        var config = ModelConfig.FromInit(init, HuggingFaceTokenizer.Load(Path.Combine(folder, "tokenizer.json")).VocabularySize);
        var layout = FlatLayout.Of(config.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())).Append((RewardModelFolder.Head, [labels, 16])));
        using (var weights = zeros(layout.Length))
        {
            ModelFiles.Initialize(layout, 0.3, seed: 5, weights);
            ModelFiles.WriteVector(Path.Combine(folder, "model.safetensors"), layout, [("", weights)]);
        }

        WriteConfig(folder, config, json =>
        {
            json["num_labels"] = labels;
            change?.Invoke(json);
        });
    }

    public static void WriteConfig(string folder, ModelConfig config, Action<JsonObject> change)
    {
        var json = JsonNode.Parse(config.ToJson())!.AsObject();
        json["architectures"] = new JsonArray($"{config.Architecture}ForSequenceClassification");
        change(json);
        File.WriteAllText(Path.Combine(folder, "config.json"), json.ToJsonString());
    }
}
