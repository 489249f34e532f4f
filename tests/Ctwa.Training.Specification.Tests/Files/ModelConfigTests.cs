using System.Text.Json.Nodes;
using Ctwa.TestKit;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class ModelConfigTests
{
    private static readonly ModelInitSpec init = new() { HiddenSize = 64, IntermediateSize = 168, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, Tokenizer = "arithmetic" };

    private static (ModelConfig? Config, List<string> Errors) Read(string text)
    {
        var errors = new List<string>();
        return (ModelConfig.ReadText("config.json", text, errors), errors);
    }

    private static List<string> Refusals(string key, string? json)
    {
        var node = JsonNode.Parse(ModelConfig.FromInit(init, 80).ToJson())!.AsObject();
        node.Remove(key);
        string text = node.ToJsonString();
        var (config, errors) = Read(json is null ? text : $"{text[..^1]},\"{key}\":{json}}}");
        Assert.Equal(errors.Count == 0, config is not null);
        return errors;
    }

    [Fact]
    public void A_new_model_has_the_parameters_of_the_recipe()
    {
        // 94,784: counted by the quick-start's prototype for the same shape.
        Assert.Equal(94_784, ModelConfig.FromInit(init, 80).ParameterCount());
        Assert.Equal(94_784 + 80 * 64, ModelConfig.FromInit(init with { TieWordEmbeddings = false }, 80).ParameterCount());
        Assert.Equal(26, ModelConfig.FromInit(init, 80).Parameters().Length);
    }

    [Fact]
    public void A_vocabulary_smaller_than_the_tokenizer_is_refused() =>
        Assert.Contains("give at least 80", Assert.Throws<ArgumentException>(() => ModelConfig.FromInit(init with { VocabSize = 79 }, 80)).Message);

    [Property]
    public bool Written_configurations_read_back_equal(bool tied, byte layers, bool oddHead, byte stops)
    {
        var config = ModelConfig.FromInit(init with { TieWordEmbeddings = tied, NumHiddenLayers = 1 + layers }, 200) with
        {
            HeadDim = oddHead ? 32 : 16,
            BosTokenId = tied ? 3 : null,
            EosTokenIds = [.. Enumerable.Range(1, stops % 4)],
            TorchDtype = tied ? "bfloat16" : "float32",
        };
        return Read(config.ToJson()) is (var read, []) && config.Equals(read);
    }

    [Theory]
    [InlineData("model_type", "\"mistral\"", "model_type is \"mistral\"; this build can load: qwen2, qwen3, llama")]
    [InlineData("model_type", null, "model_type is missing; supported: qwen2")]
    [InlineData("hidden_size", null, "hidden_size is missing")]
    [InlineData("hidden_size", "\"64\"", "hidden_size is \"64\"; expected is a whole number from 1 to 65536")]
    [InlineData("hidden_size", "66", "hidden_size 66 is no multiple of num_attention_heads 4")]
    [InlineData("hidden_size", "12", "the head size is 3; the rotary embedding needs an even one")]
    [InlineData("num_key_value_heads", "3", "num_attention_heads 4 is no multiple of num_key_value_heads 3")]
    [InlineData("num_hidden_layers", "0", "num_hidden_layers is 0")]
    [InlineData("vocab_size", "99999999999", "vocab_size is 99999999999")]
    [InlineData("rope_scaling", """{"rope_type":"yarn","factor":4}""", "rope_scaling.rope_type is \"yarn\"; supported are")]
    [InlineData("rope_scaling", """{"rope_type":"llama3","factor":8}""", "low_freq_factor is missing")]
    [InlineData("rope_scaling", """{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4,"original_max_position_embeddings":8192}""", "high_freq_factor is 4, which is not above")]
    [InlineData("rope_scaling", "8", "expected is null or an object")]
    [InlineData("mlp_bias", "true", "mlp_bias is true; supported is false")]
    [InlineData("rope_parameters", """{"rope_type":"yarn","rope_theta":1e6}""", "rope_parameters.rope_type is \"yarn\"")]
    [InlineData("use_sliding_window", "true", "use_sliding_window is true; supported is false")]
    [InlineData("layer_types", """["full_attention","sliding_attention"]""", "layer_types")]
    [InlineData("hidden_act", "\"gelu\"", "hidden_act is \"gelu\"; supported is \"silu\"")]
    [InlineData("hidden_act", "\"\\ud800\"", "hidden_act")]
    [InlineData("quantization_config", """{"bits":4}""", "quantized weights are not supported")]
    [InlineData("rms_norm_eps", "0", "rms_norm_eps is 0")]
    [InlineData("rope_theta", "1e400", "rope_theta is 1e400")]
    [InlineData("torch_dtype", "\"int8\"", "supported: float32, bfloat16, float16")]
    [InlineData("tie_word_embeddings", "\"yes\"", "expected is true or false")]
    [InlineData("eos_token_id", "[1, \"x\"]", "eos_token_id contains \"x\"")]
    [InlineData("eos_token_id", "80", "eos_token_id is 80, but vocab_size is 80")]
    [InlineData("bos_token_id", "-1", "bos_token_id is -1")]
    public void What_this_build_cannot_compute_is_refused(string key, string? json, string expected) =>
        Assert.Contains(Refusals(key, json), e => e.Contains(expected, StringComparison.Ordinal));

    [Fact]
    public void Every_defect_is_reported_at_once() =>
        Assert.Equal(3, Read("""{"model_type":"qwen2","hidden_size":64,"intermediate_size":0,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"vocab_size":80,"hidden_act":"relu","use_sliding_window":true}""").Errors.Count);

    [Fact]
    public void Newer_transformers_spellings_are_understood()
    {
        var (config, errors) = Read("""{"model_type":"qwen2","hidden_size":64,"intermediate_size":9,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"vocab_size":80,"dtype":"bfloat16","rope_parameters":{"rope_type":"default","rope_theta":1000000.0},"layer_types":["full_attention","full_attention"],"eos_token_id":[1,2]}""");
        Assert.Empty(errors);
        Assert.Equal(1e6, config!.RopeTheta);
        Assert.Equal("bfloat16", config.TorchDtype);
        Assert.Equal([1, 2], config.EosTokenIds);
    }

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("{", "config.json(1,2): not valid JSON")]
    [InlineData("[]", "holds no JSON object")]
    [InlineData("{\"hidden_size\":1,\"hidden_size\":2}", "not valid JSON")]
    public void Text_that_is_no_configuration_is_refused(string text, string expected)
    {
        var (config, errors) = Read(text);
        Assert.Null(config);
        Assert.Contains(expected, Assert.Single(errors));
    }

    [Fact]
    public void A_name_with_half_of_a_surrogate_pair_is_refused() =>
        Assert.Contains("half of a surrogate pair", Assert.Single(Read("""{"\ud800":1,"\ud801":2}""").Errors), StringComparison.Ordinal);

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void Every_golden_model_is_read_and_written_as_itself()
    {
        string models = Path.Combine(GoldenFolder.Require(), "decoder", "models");
        foreach (string folder in Directory.GetDirectories(models))
        {
            var config = ModelConfig.Read(Path.Combine(folder, "config.json"));
            Assert.StartsWith(ModelConfig.TypeName(config.Architecture), Path.GetFileName(folder));
            var errors = new List<string>();
            Assert.Equal(config, ModelConfig.ReadText("config.json", config.ToJson(), errors));
            Assert.Empty(errors);
            Assert.Equal(Path.GetFileName(folder).Contains("llama3rope", StringComparison.Ordinal), config.RopeScaling is not null);
        }
    }
}
