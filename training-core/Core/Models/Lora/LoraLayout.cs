using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using static TorchSharp.torch;

namespace Ctwa.Training.Models.Lora;

/// <summary>
/// Parameters of low-rank adapters (LoRA, arXiv 2106.09685): W x becomes W x + (alpha / rank) B A x, A of shape [rank, in], B of
/// shape [out, rank].
/// </summary>
public static class LoraLayout
{
    /// <summary>Ends of the parameters' names.</summary>
    public const string A = ".lora_A.weight", B = ".lora_B.weight";

    /// <summary>Name of an adapted matrix without <c>.weight</c>, such as <c>model.layers.0.self_attn.q_proj</c>.</summary>
    public static string Module(int layer, LoraTarget target) => FormattableString.Invariant($"model.layers.{layer}.{target.Module()}");

    /// <summary>Names and shapes of all adapters' parameters, layer by layer.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Parameters(ModelConfig config, LoraSpec lora) =>
        lora.Parameters(config).Select(parameter => (parameter.Name, parameter.Shape.ToArray()));

    /// <summary>
    /// A uniform in ±1/√in, B zero, as PEFT starts them: the adapted model begins as the base model. A pure function of
    /// seed, parameter and element.
    /// </summary>
    public static void Initialize(FlatLayout layout, long seed, Tensor flatWeights)
    {
        using var noGrad = no_grad();
        for (int index = 0; index < layout.Entries.Count; index++)
        {
            var entry = layout.Entries[index];
            using var scope = NewDisposeScope();
            float[] values = new float[entry.Length];
            if (entry.Name.EndsWith(A, StringComparison.Ordinal))
            {
                double bound = 1 / Math.Sqrt(entry.Shape[1]);
                for (long i = 0; i < values.Length; i++) { values[i] = (float)(bound * (2 * CounterRandom.Uniform(seed, RandomPurpose.AdapterInitialization, 0, i, index, 0) - 1)); }
            }

            flatWeights.narrow(0, entry.Offset, entry.Length).copy_(tensor(values));
        }
    }
}
