using Ctwa.Training.Models;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.GpuCheck;

/// <summary>A model of a published shape with random weights made on the device: speed does not depend on their values.</summary>
internal sealed class RandomModel : IDisposable
{
    private static readonly Dictionary<string, ModelConfig> s_presets = new(StringComparer.Ordinal)
    {
        ["qwen2.5-1.5b"] = Shape(hidden: 1536, intermediate: 8960, layers: 28, heads: 12, keyHeads: 2, vocabulary: 151936),
        ["qwen2.5-0.5b"] = Shape(hidden: 896, intermediate: 4864, layers: 24, heads: 14, keyHeads: 2, vocabulary: 151936),
        ["tiny"] = Shape(hidden: 64, intermediate: 176, layers: 2, heads: 4, keyHeads: 2, vocabulary: 512),
    };

    public RandomModel(Settings settings)
    {
        Config = s_presets[settings.Preset];
        Layout = FlatLayout.Of(Config.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())));
        random.manual_seed(1);
        if (settings.Device == "cuda") { cuda.manual_seed_all(1); }
        using var noGrad = no_grad();
        Weights = zeros(Layout.Length, settings.TorchType, settings.TorchDevice).DetachFromDisposeScope();
        foreach (var entry in Layout.Entries)
        {
            using var scope = NewDisposeScope();
            var place = Weights.narrow(0, entry.Offset, entry.Length);
            if (entry.Name.EndsWith("norm.weight", StringComparison.Ordinal)) { place.fill_(Scalars.Of(1)); }
            else if (!entry.Name.EndsWith(".bias", StringComparison.Ordinal)) { place.normal_(0, Config.InitializerRange); }
        }

        Model = new DecoderModel(Config, Layout, Weights, settings.Fused);
    }

    public static IEnumerable<string> Presets => s_presets.Keys;

    public ModelConfig Config { get; }

    public FlatLayout Layout { get; }

    /// <summary>Flat weights, shape [layout length].</summary>
    public Tensor Weights { get; }

    public DecoderModel Model { get; }

    public void Dispose()
    {
        Model.Dispose();
        Weights.Dispose();
    }

    private static ModelConfig Shape(int hidden, int intermediate, int layers, int heads, int keyHeads, int vocabulary) => new()
    {
        HiddenSize = hidden, IntermediateSize = intermediate, NumHiddenLayers = layers, NumAttentionHeads = heads, NumKeyValueHeads = keyHeads,
        HeadDim = hidden / heads, VocabSize = vocabulary, RopeTheta = 1e6, RmsNormEps = 1e-6, TieWordEmbeddings = true,
    };
}
