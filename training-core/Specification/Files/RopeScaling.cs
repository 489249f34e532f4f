using System.Text.Json.Nodes;

namespace Ctwa.Training.Specification;

/// <summary>
/// The <c>llama3</c> change of rotary frequencies: wave lengths above <c>OriginalMaxPositionEmbeddings / LowFreqFactor</c> are
/// stretched by <c>Factor</c>, those below <c>OriginalMaxPositionEmbeddings / HighFreqFactor</c> stay, those between are blended
/// (Hugging Face transformers, modeling_rope_utils).
/// </summary>
public sealed record RopeScaling(double Factor, double LowFreqFactor, double HighFreqFactor, int OriginalMaxPositionEmbeddings)
{
    /// <summary>As config.json has it.</summary>
    public JsonObject ToJson() => new()
    {
        ["factor"] = Factor,
        ["high_freq_factor"] = HighFreqFactor,
        ["low_freq_factor"] = LowFreqFactor,
        ["original_max_position_embeddings"] = OriginalMaxPositionEmbeddings,
        ["rope_type"] = "llama3",
    };
}
