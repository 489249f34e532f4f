using System.Text.Json.Nodes;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Checkpoints;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary>A checkpoint is a Hugging Face folder, and a job may start from one.</summary>
public sealed class ModelFolderTests(TrainedModel model) : IDisposable
{
    private readonly Workplace _place = new();

    [Fact]
    public async Task Reinforcement_learning_starts_from_an_existing_folder()
    {
        string job = _place.Write("job.yaml", TrainedModel.JobOn(model.Folder));
        var run = await _place.TrainAsync(job, "run");
        Assert.Equal(["rl 0", "rl 1", "rl 2"], run.Steps);
        Assert.NotEqual(RunFolder.Hash(Path.Combine(model.Folder, "model.safetensors")), run.ModelHash);
        Assert.Equal((await _place.TrainLocallyAsync(job, "local")).ModelHash, run.ModelHash);
    }

    [Fact]
    public async Task A_job_without_steps_writes_the_weights_that_it_read()
    {
        string job = _place.Write("job.yaml", TrainedModel.JobOn(model.Folder));
        var run = await _place.TrainAsync(job, "run", "--set", "schedule.steps=0");
        Assert.Equal(RunFolder.Hash(Path.Combine(model.Folder, "model.safetensors")), run.ModelHash);
    }

    [Fact]
    public void A_checkpoint_has_the_files_names_and_fields_of_a_Hugging_Face_folder()
    {
        foreach (string name in (string[])["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]) { Assert.True(File.Exists(Path.Combine(model.Folder, name)), name); }

        var config = Json("config.json");
        Assert.Equal("qwen2", (string?)config["model_type"]);
        Assert.Equal(["Qwen2ForCausalLM"], config["architectures"]!.AsArray().Select(name => (string?)name));
        Assert.Equal((32, 64, 2, 4, 2), ((int)config["hidden_size"]!, (int)config["intermediate_size"]!, (int)config["num_hidden_layers"]!, (int)config["num_attention_heads"]!, (int)config["num_key_value_heads"]!));
        foreach (string field in (string[])["vocab_size", "max_position_embeddings", "rope_theta", "rms_norm_eps", "tie_word_embeddings", "hidden_act", "eos_token_id"]) { Assert.True(config.ContainsKey(field), field); }

        using var weights = SafetensorsReader.Open(Path.Combine(model.Folder, "model.safetensors"));
        Assert.Contains("model.embed_tokens.weight", weights.Names);
        Assert.Contains("model.layers.1.self_attn.q_proj.bias", weights.Names);
        Assert.Contains("model.norm.weight", weights.Names);
        Assert.DoesNotContain("lm_head.weight", weights.Names);

        Assert.Equal("BPE", (string?)Json("tokenizer.json")["model"]!["type"]);
        Assert.NotNull(Json("tokenizer_config.json")["eos_token"]);
    }

    public void Dispose() => _place.Dispose();

    private JsonObject Json(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(model.Folder, name)))!.AsObject();
}
