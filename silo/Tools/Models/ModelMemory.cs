using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Models;

/// <summary>Bytes that a model's roles take, apart from activations. Exact: counts of numbers times their size.</summary>
/// <param name="Model">The model's shape.</param>
internal sealed record ModelMemory(ModelConfig Model)
{
    /// <summary>Rank for which the adapter's size is told.</summary>
    public const int AdapterRank = 16;

    public long Parameters { get; } = Model.ParameterCount();

    public long Embedding => (long)Model.VocabSize * Model.HiddenSize;

    /// <summary>Parameters of one decoder block.</summary>
    public long PerLayer { get; } = Model.Parameters().Where(parameter => parameter.Name.StartsWith("model.layers.0.", StringComparison.Ordinal)).Sum(parameter => parameter.Count);

    /// <summary>Policy, reference policy or gradients.</summary>
    /// <param name="elementBytes">4: float32; 2: bfloat16 or float16.</param>
    public long Weights(int elementBytes) => elementBytes * Parameters;

    /// <summary>Both moments of AdamW, float32.</summary>
    public long Moments => 8 * Parameters;

    /// <summary>Keys and values of one token in all layers.</summary>
    public long CachePerToken(int elementBytes) => 2L * Model.NumHiddenLayers * Model.NumKeyValueHeads * Model.HeadDim * elementBytes;

    /// <summary>Numbers of a LoRA adapter of <see cref="AdapterRank"/> on all seven linear layers of every block.</summary>
    public long AdapterParameters { get; } = new LoraSpec { Rank = AdapterRank }.Parameters(Model).Sum(parameter => parameter.Count);
}
