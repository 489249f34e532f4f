using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models;
using Ctwa.Training.Models.Presets;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models.Presets;

public sealed class ModelPresetTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    public void Dispose()
    {
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>The counts that the published models have.</summary>
    [Theory]
    [InlineData("qwen2.5-0.5b", 494_032_768)]
    [InlineData("qwen2.5-1.5b", 1_543_714_304)]
    [InlineData("qwen2.5-7b", 7_615_616_512)]
    [InlineData("qwen3-0.6b", 596_049_920)]
    [InlineData("llama3.2-1b", 1_235_814_400)]
    [InlineData("tiny", 79_424)]
    public void A_preset_has_the_published_models_number_of_parameters(string name, long parameters) => Assert.Equal(parameters, ModelPreset.Find(name)!.Config.ParameterCount());

    [Fact]
    public void Presets_differ_where_the_published_models_do()
    {
        ModelConfig Of(string name) => ModelPreset.Find(name)!.Config;
        Assert.Equal((131072, false, 152064, 4), (Of("qwen2.5-7b").MaxPositionEmbeddings, Of("qwen2.5-7b").TieWordEmbeddings, Of("qwen2.5-7b").VocabSize, Of("qwen2.5-7b").NumKeyValueHeads));
        Assert.Equal((ModelArchitecture.Qwen3, 128, 1024, 40960), (Of("qwen3-0.6b").Architecture, Of("qwen3-0.6b").HeadDim, Of("qwen3-0.6b").HiddenSize, Of("qwen3-0.6b").MaxPositionEmbeddings));
        Assert.Equal((ModelArchitecture.Llama, new RopeScaling(32, 1, 4, 8192), 1e-5, 500000d), (Of("llama3.2-1b").Architecture, Of("llama3.2-1b").RopeScaling!, Of("llama3.2-1b").RmsNormEps, Of("llama3.2-1b").RopeTheta));
        Assert.Null(ModelPreset.Find("qwen2.5-72b"));
        Assert.NotNull(ModelPreset.Find("Qwen2.5-1.5B"));
    }

    [Fact]
    public void Every_preset_is_read_and_its_JSON_can_be_changed()
    {
        Assert.All(ModelPreset.Names, name =>
        {
            var preset = ModelPreset.Find(name)!;
            var changed = ModelConfig.ReadText(name, preset.ConfigJson("float16", 1000, [7, 8]), [])!;
            Assert.Equal(preset.Config with { TorchDtype = "float16", VocabSize = 1000, EosTokenIds = [7, 8], BosTokenId = null }, changed);
            Assert.Contains("\"eos_token_id\": 7", preset.GenerationJson([7], 9), StringComparison.Ordinal);
        });
        Assert.Contains("eos_token_id is 151643", Assert.Throws<InvalidDataException>(() => ModelPreset.Find("qwen2.5-0.5b")!.ConfigJson(null, 1000, null)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1L, SafetensorsDType.F32)]
    [InlineData(-77L, SafetensorsDType.BF16)]
    public void Weights_written_piece_by_piece_are_those_of_a_new_model_in_memory(long seed, SafetensorsDType type)
    {
        // An embedding of more than one piece, whose length is no multiple of the threads' blocks.
        var config = TinyModel.ConfigOf() with { VocabSize = 180_001, NumHiddenLayers = 1, Architecture = ModelArchitecture.Qwen3 };
        SafetensorsShards.Write(_folder, RandomWeights.Sources(config, seed, type), shardBytes: 9_000_000);
        var layout = TinyModel.LayoutOf(config);
        Tensor expected = zeros(layout.Length), read = zeros(layout.Length);
        ModelFiles.Initialize(layout, config.InitializerRange, seed, expected);
        if (type == SafetensorsDType.BF16) { expected = expected.to(bfloat16).to(float32); }
        ModelFiles.Load(_folder, layout, read);
        AssertBits.Equal(AssertBits.Floats(expected), AssertBits.Floats(read));
        Assert.Equal(type == SafetensorsDType.BF16 ? 2 : 3, Directory.GetFiles(_folder, "model-0000?-of-0000?.safetensors").Length);
        Assert.False(File.Exists(Path.Combine(_folder, "model.safetensors")));
    }

    [Fact]
    public void A_number_is_a_function_of_its_place_alone()
    {
        float[] whole = new float[200_000], part = new float[70_001];
        RandomWeights.Fill(whole, 0, 5, 0.02, 9);
        RandomWeights.Fill(part, 99_999, 5, 0.02, 9);
        Assert.Equal(whole[99_999..170_000], part);
        for (int i = 0; i < whole.Length; i += 7919) { Assert.Equal((float)(0.02 * CounterRandom.Normal(9, RandomPurpose.WeightInitialization, 0, i, 5, 0)), whole[i]); }
    }
}
