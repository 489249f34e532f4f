using Ctwa.Training.Models;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models;

/// <summary>A random decoder of a few thousand parameters, none of whose sizes is a multiple of the alignment.</summary>
internal sealed class TinyModel : IDisposable
{
    public TinyModel(bool tied = false, double deviation = 0.4)
    {
        Config = ConfigOf(tied);
        Layout = LayoutOf(Config);
        Memory = new PolicyMemory(Layout, CPU);
        ModelFiles.Initialize(Layout, deviation, seed: 5, Memory.Weights);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var entry in Layout.Entries.Where(entry => entry.Shape.Length == 1))
        {
            // Biases and norms as training leaves them, not as it starts.
            float[] noise = [.. Enumerable.Range(0, (int)entry.Length).Select(i => (float)(0.2 * CounterRandom.Normal(6, RandomPurpose.Test, 0, entry.Offset + i, 0, 0)))];
            Memory.Weights.narrow(0, entry.Offset, entry.Length).PlusInPlace(tensor(noise));
        }

        Model = new DecoderModel(Config, Layout, Memory.Weights);
    }

    public ModelConfig Config { get; }

    public FlatLayout Layout { get; }

    public PolicyMemory Memory { get; }

    public DecoderModel Model { get; }

    public static ModelConfig ConfigOf(bool tied = false) => new()
    {
        HiddenSize = 24,
        IntermediateSize = 41,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 6,
        VocabSize = 37,
        TieWordEmbeddings = tied,
        MaxPositionEmbeddings = 128,
    };

    public static FlatLayout LayoutOf(ModelConfig config) => FlatLayout.Of(config.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())));

    /// <summary>Random token ids [rows, length].</summary>
    public Tensor Ids(int rows, int length) =>
        tensor(Enumerable.Range(0, rows * length).Select(i => (long)CounterRandom.Below(Config.VocabSize, 8, RandomPurpose.Test, 0, i, 0, 0)).ToArray(), [rows, length]);

    public void Dispose()
    {
        Model.Dispose();
        Memory.Dispose();
    }
}
