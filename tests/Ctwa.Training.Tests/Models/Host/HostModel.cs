using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Models.Host;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models.Host;

/// <summary>A random decoder that the host's decoder can run, with vocabulary and intermediate size that are no multiples of anything.</summary>
internal sealed class HostModel : IDisposable
{
    public HostModel(string kind)
    {
        Config = new ModelConfig
        {
            Architecture = kind switch { "qwen3" => ModelArchitecture.Qwen3, "llama" => ModelArchitecture.Llama, _ => ModelArchitecture.Qwen2 },
            HiddenSize = 40, IntermediateSize = 41, NumHiddenLayers = 3, NumAttentionHeads = 6, NumKeyValueHeads = 2, HeadDim = kind == "wide heads" ? 24 : 8, VocabSize = 131,
            TieWordEmbeddings = kind != "untied", MaxPositionEmbeddings = 256,
            RopeScaling = kind == "llama" ? new RopeScaling(8, 1, 4, 32) : null,
        };
        Layout = TinyModel.LayoutOf(Config);
        Memory = new PolicyMemory(Layout, CPU);
        ModelFiles.Initialize(Layout, 0.3, seed: 5, Memory.Weights);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var entry in Layout.Entries.Where(entry => entry.Shape.Length == 1))
        {
            float[] noise = [.. Enumerable.Range(0, (int)entry.Length).Select(i => (float)(0.2 * CounterRandom.Normal(6, RandomPurpose.Test, 0, entry.Offset + i, 0, 0)))];
            Memory.Weights.narrow(0, entry.Offset, entry.Length).PlusInPlace(tensor(noise));
        }

        Model = new DecoderModel(Config, Layout, Memory.Weights);
    }

    public static TheoryData<string> Kinds => ["qwen2", "untied", "qwen3", "llama", "wide heads"];

    public ModelConfig Config { get; }

    public FlatLayout Layout { get; }

    public PolicyMemory Memory { get; }

    public DecoderModel Model { get; }

    public HostDecoder Host => ((IPolicyModel)Model).Host ?? throw new InvalidOperationException("the host's decoder does not run this model.");

    /// <summary>Token ids that are a function of their place.</summary>
    public int[] Tokens(int row, int count) => [.. Enumerable.Range(0, count).Select(i => CounterRandom.Below(Config.VocabSize, 8, RandomPurpose.Test, 0, i, row, 0))];

    public void Dispose()
    {
        Model.Dispose();
        Memory.Dispose();
    }
}
