using Ctwa.Silo.Tools;
using Ctwa.TestKit;
using Ctwa.Training.Models.Presets;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Silo.Tests.Tools.Models;

public sealed class InitTests : IDisposable
{
    private readonly ModelPlace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task A_tiny_model_has_all_files_and_is_a_function_of_its_seed()
    {
        foreach ((string folder, string seed) in ((string, string)[])[("a", "4"), ("b", "4"), ("c", "5")])
        {
            var run = await ToolRun.OfAsync("model", "init", "--preset", "tiny", "--seed", seed, "--out", _place.At(folder));
            Assert.Equal((0, ""), (run.ExitCode, run.Error));
        }

        Assert.Equal(["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"], Directory.GetFiles(_place.At("a")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        byte[] Weights(string folder) => File.ReadAllBytes(_place.At(folder + "/model.safetensors"));
        Assert.Equal(Weights("a"), Weights("b"));
        Assert.NotEqual(Weights("a"), Weights("c"));
        Assert.NotEqual(ModelPlace.Logits(_place.At("a")), ModelPlace.Logits(_place.At("c")));
        Assert.Equal(0, (await ToolRun.OfAsync("model", "inspect", _place.At("a"))).ExitCode);
    }

    [Fact]
    public async Task Type_vocabulary_and_tokenizer_can_be_chosen()
    {
        var run = await ToolRun.OfAsync("model", "init", "--preset", "tiny", "--dtype", "float16", "--vocab-size", "100", "--tokenizer", "arithmetic", "--out", _place.At("m"));
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var config = ModelConfig.Read(_place.At("m/config.json"));
        Assert.Equal(("float16", 100), (config.TorchDtype, config.VocabSize));
        Assert.Equal([79], config.EosTokenIds);
        Assert.Contains("20 rows of the embedding unused", (await ToolRun.OfAsync("model", "inspect", _place.At("m"))).Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public async Task Another_tokenizer_brings_its_vocabulary_and_its_end_of_text()
    {
        string golden = Path.Combine(GoldenFolder.Require(), "decoder", "tokenizer");
        var run = await ToolRun.OfAsync("model", "init", "--preset", "tiny", "--tokenizer", Path.Combine(golden, "tokenizer.json"), "--out", _place.At("m"));
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var config = ModelConfig.Read(_place.At("m/config.json"));
        Assert.Equal(TokenizerFile.ReadSize(Path.Combine(golden, "tokenizer.json")), config.VocabSize);
        Assert.Equal(File.ReadAllBytes(Path.Combine(golden, "tokenizer_config.json")), File.ReadAllBytes(_place.At("m/tokenizer_config.json")));
        var inspected = await ToolRun.OfAsync("model", "inspect", _place.At("m"));
        Assert.Equal((0, ""), (inspected.ExitCode, inspected.Error));
        Assert.Contains("chat template    tokenizer_config.json", inspected.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--preset is 'qwen9'; accepted are qwen2.5-0.5b, qwen2.5-1.5b, qwen2.5-7b, qwen3-0.6b, llama3.2-1b, tiny", "--preset", "qwen9")]
    [InlineData("--dtype is 'fp8'", "--preset", "tiny", "--dtype", "fp8")]
    [InlineData("the tokenizer has 80 tokens, but the embedding 50 rows", "--preset", "tiny", "--vocab-size", "50")]
    [InlineData("--vocab-size is 1;", "--preset", "tiny", "--vocab-size", "1")]
    [InlineData("There is no tokenizer at", "--preset", "tiny", "--tokenizer", "/nowhere/tokenizer.json")]
    [InlineData("--preset", "--seed", "3")]
    public async Task A_wrong_call_says_what_is_accepted(string named, params string[] options)
    {
        var run = await ToolRun.OfAsync([.. (string[])["model", "init", "--out", _place.At("m")], .. options]);
        Assert.Equal(ToolExitCodes.BadInput, run.ExitCode);
        Assert.Contains(named, run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_place.Root));
    }

    [Fact]
    public async Task A_model_without_tokenizer_says_so_and_a_vocabulary_without_the_published_stop_token_drops_it()
    {
        // The smallest published shape, with a vocabulary that leaves a few MB: 24 layers would be 700 MB.
        string json = ModelPreset.Find("qwen2.5-0.5b")!.ConfigJson(null, 1000, []);
        Assert.Empty(ModelConfig.ReadText("config.json", json, [])!.EosTokenIds);
        var run = await ToolRun.OfAsync("model", "init", "--preset", "tiny", "--vocab-size", "2", "--out", _place.At("m"));
        Assert.Equal(ToolExitCodes.BadInput, run.ExitCode);
        await ToolRun.OfAsync("model", "init", "--preset", "tiny", "--out", _place.At("m"));
        var again = await ToolRun.OfAsync("model", "init", "--preset", "tiny", "--out", _place.At("m"));
        Assert.Equal(ToolExitCodes.BadInput, again.ExitCode);
        Assert.Contains("--force", again.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await ToolRun.OfAsync("model", "init", "--preset", "tiny", "--force", "--out", _place.At("m"))).ExitCode);
    }
}
