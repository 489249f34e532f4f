using System.Text.Json.Nodes;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Specification;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models.Lora;

public sealed class AdapterFolderTests : IDisposable
{
    private static readonly ModelConfig s_model = TinyModel.ConfigOf();

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    public void Dispose()
    {
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_folder_is_read_as_it_was_written()
    {
        TinyAdapter.Write(_folder, s_model);
        var adapter = AdapterFolder.Read(_folder, s_model);
        Assert.Equal(TinyAdapter.Config, adapter.Config);
        Assert.Equal(0.1, adapter.Config.Dropout);
        Assert.Equal(2, adapter.Config.Scale);
        Assert.Equal(4, adapter.Modules.Length);
        Assert.Equal(new AdapterModule("model.layers.1.mlp.down_proj", 41, 24), adapter.Modules[^1]);
        Assert.Equal("base_model.model.model.layers.1.mlp.down_proj.lora_A.weight", adapter.Modules[^1].NameOfA);
        using var weights = adapter.OpenWeights();
        Assert.Equal([3L, 41], weights.Entry(adapter.Modules[^1].NameOfA).Shape);
        Assert.Equal([24L, 3], weights.Entry(adapter.Modules[^1].NameOfB).Shape);
        Assert.True(AdapterFolder.IsOne(_folder));
    }

    [Fact]
    public void A_file_of_PEFT_is_read()
    {
        TinyAdapter.Write(_folder, s_model);
        File.WriteAllText(ConfigPath, """
            {"alpha_pattern": {}, "auto_mapping": null, "base_model_name_or_path": "Qwen/Qwen2.5-0.5B", "bias": "none", "corda_config": null, "eva_config": null,
             "exclude_modules": null, "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true, "layer_replication": null,
             "layers_pattern": null, "layers_to_transform": null, "loftq_config": {}, "lora_alpha": 12, "lora_bias": false, "lora_dropout": 0.05,
             "megatron_config": null, "megatron_core": "megatron.core", "modules_to_save": null, "peft_type": "LORA", "r": 3, "rank_pattern": {},
             "revision": null, "target_modules": ["down_proj", "q_proj"], "task_type": "CAUSAL_LM", "use_dora": false, "use_rslora": true}
            """);
        var config = AdapterFolder.Read(_folder, s_model).Config;
        Assert.Equal(("Qwen/Qwen2.5-0.5B", 3, 12d, 0.05), (config.BaseModel, config.Rank, config.Alpha, config.Dropout));
        Assert.Equal(12 / Math.Sqrt(3), config.Scale);
    }

    [Theory]
    [InlineData("peft_type", "\"IA3\"", "has peft_type \"IA3\"; supported is \"LORA\"")]
    [InlineData("peft_type", null, "has peft_type missing")]
    [InlineData("task_type", "\"SEQ_CLS\"", "has task_type \"SEQ_CLS\"; supported is \"CAUSAL_LM\"")]
    [InlineData("bias", "\"all\"", "has bias \"all\"")]
    [InlineData("use_dora", "true", "has use_dora true; supported is false")]
    [InlineData("use_dora", "1", "has use_dora 1; expected is true or false")]
    [InlineData("rank_pattern", "{\"q_proj\":8}", "has rank_pattern {\"q_proj\":8}")]
    [InlineData("modules_to_save", "[\"lm_head\"]", "has modules_to_save [\"lm_head\"]")]
    [InlineData("layers_to_transform", "3", "has layers_to_transform 3")]
    [InlineData("target_modules", "\"all-linear\"", "has target_modules \"all-linear\"; expected is a list of names")]
    [InlineData("target_modules", "[]", "has target_modules []")]
    [InlineData("target_modules", "[\"lm_head\"]", "has \"lm_head\" in target_modules; supported are q_proj")]
    [InlineData("target_modules", "[\"q_proj\",\"q_proj\"]", "has 'q_proj' twice")]
    [InlineData("r", "0", "has r 0; expected is a whole number from 1 to 65536")]
    [InlineData("r", "2.5", "has r 2.5; expected is a whole number")]
    [InlineData("r", "1e300", "has r 1e300")]
    [InlineData("lora_alpha", "-1", "has lora_alpha -1; expected is a number")]
    [InlineData("lora_alpha", null, "has lora_alpha missing")]
    [InlineData("base_model_name_or_path", "7", "has base_model_name_or_path 7; expected is a text")]
    [InlineData("base_model_name_or_path", "\"\\ud800\"", "expected is a text")]
    public void What_is_no_plain_LoRA_adapter_is_refused(string key, string? value, string named)
    {
        TinyAdapter.Write(_folder, s_model);
        var json = JsonNode.Parse(File.ReadAllText(ConfigPath))!.AsObject();
        string text = value is null ? json.ToJsonString().Replace($"\"{key}\"", "\"other\"", StringComparison.Ordinal) : Replaced(json, key, value);
        File.WriteAllText(ConfigPath, text);
        var error = Assert.Throws<InvalidDataException>(() => AdapterFolder.Read(_folder, s_model));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(ConfigPath, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_that_contradict_the_adapter_or_the_model_are_named_all_at_once()
    {
        TinyAdapter.Write(_folder, s_model);
        var tensors = TinyAdapter.Tensors(s_model, TinyAdapter.Config);
        tensors.RemoveAt(0);
        tensors[0] = (tensors[0].Name, zeros(24, 4));
        tensors[1] = (tensors[1].Name, tensors[1].Tensor.to(int32));
        tensors.Add(("base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight", zeros(3, 24)));
        SafetensorsWriter.Write(Path.Combine(_folder, AdapterFolder.WeightsName), tensors);
        string[] lines = Assert.Throws<InvalidDataException>(() => AdapterFolder.Read(_folder, s_model)).Message.Split(Environment.NewLine);
        Assert.Equal(4, lines.Length);
        Assert.Contains("lacks tensor 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight' of shape [3, 24]", lines[0], StringComparison.Ordinal);
        Assert.Contains("q_proj.lora_B.weight' has shape [24, 4]", lines[1], StringComparison.Ordinal);
        Assert.Contains("has dtype I32", lines[2], StringComparison.Ordinal);
        Assert.Contains("layers.9.self_attn.q_proj.lora_A.weight' of shape [3, 24] belongs to none", lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_are_named()
    {
        var error = Assert.Throws<InvalidDataException>(() => AdapterFolder.Read(_folder, s_model));
        Assert.Contains("has no adapter_config.json", error.Message, StringComparison.Ordinal);
        Assert.Contains("has no adapter_model.safetensors", error.Message, StringComparison.Ordinal);
        Assert.False(AdapterFolder.IsOne(_folder));
    }

    private string ConfigPath => Path.Combine(_folder, AdapterConfig.FileName);

    private static string Replaced(JsonObject json, string key, string value)
    {
        json[key] = "REPLACE";
        return json.ToJsonString().Replace("\"REPLACE\"", value, StringComparison.Ordinal);
    }
}
