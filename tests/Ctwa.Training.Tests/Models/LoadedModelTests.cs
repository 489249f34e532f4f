using Ctwa.Training.Datasets;
using Ctwa.Training.Models;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Steps;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models;

public sealed class LoadedModelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-loaded-").FullName;

    [Fact]
    public void A_model_folder_answers_as_its_weights_do()
    {
        string folder = Model("model");
        using var loaded = LoadedModel.Open(folder);
        Assert.Null(loaded.Description.Location.Run);
        Assert.Equal(79, Assert.Single(loaded.Description.StopTokens));
        var layout = FlatLayout.Of(loaded.Description.Config.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())));
        using var memory = new PolicyMemory(layout, CPU);
        ModelFiles.Initialize(layout, 0.3, 5, memory.Weights);
        using var direct = new Ctwa.Training.Models.Decoder.DecoderModel(loaded.Description.Config, layout, memory.Weights);
        var expected = Assert.Single(Generate(direct, loaded.Description));
        Assert.Equal(expected.Tokens, Assert.Single(Generate(loaded.Policy, loaded.Description)).Tokens);
        Assert.True(expected.Tokens.Length > 3);
        Assert.Equal(Ctwa.Training.Runs.CheckpointStore.Hash(Path.Combine(folder, "model.safetensors")), loaded.Description.WeightsSha256());
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Weights_are_held_in_the_type_that_was_asked_for(ScalarType type)
    {
        using var loaded = LoadedModel.Open(Model("half"), CPU, type);
        Assert.Equal(type, loaded.Type);
        Assert.All(Generate(loaded.Policy, loaded.Description), completion => Assert.All(completion.LogProbabilities, value => Assert.True(float.IsFinite(value))));
        Assert.Throws<ArgumentException>(() => LoadedModel.Open(Path.Combine(_folder, "half"), CPU, ScalarType.Int64));
    }

    [Fact]
    public async Task A_run_stands_for_its_newest_intact_checkpoint()
    {
        var run = new RunFolder(Path.Combine(_folder, "run"), TinyJobs.Arithmetic(steps: 2, warmStartSteps: 1) with { Schedule = new ScheduleSpec { Steps = 2, ValidateEvery = 2, ValidationPrompts = 8, CheckpointEvery = 1, Keep = 3, SamplesEvery = 0 } });
        Assert.Equal(RunOutcome.Finished, await run.AttemptAsync());
        var warnings = new List<string>();
        using (var newest = LoadedModel.Open(run.Path, warn: warnings.Add))
        {
            Assert.Equal(run.In("checkpoints", "step-000002"), newest.Description.Location.Folder);
            Assert.Equal(run.Path, newest.Description.Location.Run);
        }

        Assert.Empty(warnings);
        Assert.Equal(run.Path, ModelLocation.Of(run.In("checkpoints", "step-000001"), warnings.Add).Run);

        byte[] weights = File.ReadAllBytes(run.In("checkpoints", "step-000002", "model.safetensors"));
        weights[^1] ^= 1;
        File.WriteAllBytes(run.In("checkpoints", "step-000002", "model.safetensors"), weights);
        Assert.Equal(run.In("checkpoints", "step-000001"), ModelLocation.Of(run.Path, warnings.Add).Folder);
        Assert.Contains("step-000002", Assert.Single(warnings), StringComparison.Ordinal);
        Complains("is damaged", () => ModelLocation.Of(run.In("checkpoints", "step-000002"), warnings.Add));

        foreach (string checkpoint in run.Checkpoints.Complete()) { Directory.Delete(checkpoint, recursive: true); }
        Complains("no complete checkpoint", () => ModelLocation.Of(run.Path, warnings.Add));
    }

    [Fact]
    public void An_adapter_folder_answers_as_its_base_model_with_the_adapter_does()
    {
        string basis = Model("basis"), folder = Path.Combine(_folder, "adapter");
        var lora = new LoraSpec { Rank = 3, Alpha = 5, Targets = [LoraTarget.QProj, LoraTarget.DownProj] };
        var layout = FlatLayout.Of(LoraLayout.Parameters(Config(), lora));
        using var memory = new PolicyMemory(layout, CPU);
        ModelFiles.Initialize(layout, 0.4, 9, memory.Weights); // B is 0 only before training.
        Directory.CreateDirectory(folder);
        AdapterFiles.Write(folder, lora, basis, layout, memory.Weights);

        using var loaded = LoadedModel.Open(folder);
        using var plain = LoadedModel.Open(basis);
        Assert.Equal(basis, loaded.Description.Location.Base);
        Assert.NotEqual(plain.Description.WeightsSha256(), loaded.Description.WeightsSha256());
        var whole = TinyModel.LayoutOf(Config());
        using var weights = new PolicyMemory(whole, CPU);
        ModelFiles.Load(basis, whole, weights.Weights);
        using var adapted = new Ctwa.Training.Models.Decoder.DecoderModel(Config(), whole, weights.Weights, adapters: new LoraAdapters(lora, layout, memory.Weights));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var ids = tensor(new long[] { 1, 5, 20, 33, 70 }, [1, 5]);
        double Difference(IPolicyModel left, IPolicyModel right) => (left.Logits(left.Hidden(ids)) - right.Logits(right.Hidden(ids))).abs().max().item<float>();
        Assert.InRange(Difference(loaded.Policy, adapted), 0, 2e-5);
        Assert.True(Difference(loaded.Policy, plain.Policy) > 0.01);

        Directory.Move(basis, basis + "-moved");
        Complains("names the base model", () => LoadedModel.Open(folder));
        AdapterFiles.Write(folder, lora, null, layout, memory.Weights);
        Complains("names no base model", () => LoadedModel.Open(folder));
        AdapterFiles.Write(folder, lora with { Rank = 4 }, basis + "-moved", layout, memory.Weights);
        Complains("shape", () => LoadedModel.Open(folder));
        File.Delete(Path.Combine(folder, AdapterConfig.FileName));
        Complains("no adapter_config.json", () => LoadedModel.Open(folder));
    }

    [Fact]
    public void What_is_no_model_is_refused_with_a_reason()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "empty"));
        Complains("there is no folder", () => LoadedModel.Open(Path.Combine(_folder, "nowhere")));
        Complains("neither a model", () => LoadedModel.Open(Path.Combine(_folder, "empty")));
        Complains("is a file", () => LoadedModel.Open(Path.Combine(Model("model"), "config.json")));

        Break("no-tokenizer", folder => File.Delete(Path.Combine(folder, "tokenizer.json")), "no tokenizer");
        Break("no-weights", folder => File.Delete(Path.Combine(folder, "model.safetensors")), "model.safetensors");
        Break("small", folder => File.WriteAllText(Path.Combine(folder, "config.json"), (Config() with { VocabSize = 64 }).ToJson()), "64");
        Break("other-shape", folder => File.WriteAllText(Path.Combine(folder, "config.json"), (Config() with { HiddenSize = 32, HeadDim = 8 }).ToJson()), "shape");
        Break("no-stop", folder =>
        {
            string file = Path.Combine(folder, "tokenizer_config.json");
            File.WriteAllText(file, File.ReadAllText(file).Replace("\"eos_token\": \"<|endoftext|>\"", "\"eos_token\": null", StringComparison.Ordinal));
        }, "ends a response");
        Break("bad-generation", folder => File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"eos_token_id": [79, 500]}"""), "500");
        Break("torn-generation", folder => File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"eos"""), "not valid JSON");
        Break("hot", folder => File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"temperature": "high"}"""), "temperature");
    }

    [Fact]
    public void Sampling_and_stop_tokens_of_the_model_are_proposed()
    {
        string folder = Model("proposes");
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"do_sample": true, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.05, "eos_token_id": [79, 5]}""");
        var description = ModelDescription.Read(ModelLocation.Of(folder, _ => { }));
        Assert.Equal((0.7, 20, 0.8), (description.Defaults.Temperature, description.Defaults.TopK, description.Defaults.TopP));
        Assert.Equal([79, 5], description.StopTokens);
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"do_sample": false}""");
        description = ModelDescription.Read(ModelLocation.Of(folder, _ => { }));
        Assert.Equal((0.0, 0, 1.0), (description.Defaults.Temperature, description.Defaults.TopK, description.Defaults.TopP));
        Assert.Equal([79], description.StopTokens);
    }

    [Fact]
    public void Prompts_that_do_not_fit_are_named()
    {
        var description = ModelDescription.Read(ModelLocation.Of(Model("fit"), _ => { }));
        Assert.Equal(10, description.EncodePrompt("5+4+3+2=?\n", "prompt 1", 54).Length);
        Complains("prompt 1 has 10 tokens; with 55 new ones it exceeds the 64 positions", () => description.EncodePrompt("5+4+3+2=?\n", "prompt 1", 55));
        Complains("prompt 1 is empty", () => description.EncodePrompt("", "prompt 1", 1));
        Complains("prompt 1 cannot be written", () => description.EncodePrompt("é", "prompt 1", 1));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static ModelConfig Config() => TinyModel.ConfigOf(tied: true) with { VocabSize = 80, MaxPositionEmbeddings = 64 };

    private static Completion[] Generate(IPolicyModel model, ModelDescription description) => new RolloutEngine(model, CPU).Generate(
        [new EncodedPrompt(0, 0, description.EncodePrompt("5+4+3+2=?\n", "it", 20))],
        new SamplingSettings { Seed = 1, Purpose = RandomPurpose.Test, Step = 0, Temperature = 1, MaxNewTokens = 20, SamplesPerPrompt = 1, StopTokens = [] });

    private static void Complains(string part, Action action) => Assert.Contains(part, Assert.Throws<InvalidDataException>(action).Message, StringComparison.Ordinal);

    private void Break(string name, Action<string> how, string part)
    {
        string folder = Model(name);
        how(folder);
        Complains(part, () => LoadedModel.Open(folder).Dispose());
    }

    private string Model(string name)
    {
        string folder = Path.Combine(_folder, name);
        ArithmeticTokenizer.WriteTo(folder);
        var layout = TinyModel.LayoutOf(Config());
        using var memory = new PolicyMemory(layout, CPU);
        ModelFiles.Initialize(layout, 0.3, 5, memory.Weights);
        ModelFiles.Save(folder, Config(), layout, memory.Weights);
        return folder;
    }
}
