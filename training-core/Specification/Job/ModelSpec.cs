using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>The policy model: exactly one of <see cref="Path"/> and <see cref="Init"/>.</summary>
public sealed record ModelSpec
{
    [Description("Hugging Face model folder: config.json, *.safetensors, tokenizer.json.")]
    public string? Path { get; init; }

    [Description("A new model with seeded random weights.")]
    public ModelInitSpec? Init { get; init; }
}

/// <summary>Decoder families this build can create and load.</summary>
public enum ModelArchitecture
{
    /// <summary>Qwen2 and Qwen2.5: grouped-query attention with QKV bias, rotary embedding, RMSNorm, SwiGLU.</summary>
    Qwen2,
}

/// <summary>Shape of a model made from nothing. Names are those of Hugging Face's config.json.</summary>
public sealed record ModelInitSpec
{
    [Description("Decoder family.")]
    public ModelArchitecture Architecture { get; init; } = ModelArchitecture.Qwen2;

    [Description("Width of the residual stream; a multiple of num_attention_heads, head size even.")]
    [Range(2, 65536)]
    public required int HiddenSize { get; init; }

    [Description("Width of the feed-forward layer.")]
    [Range(1, 1048576)]
    public required int IntermediateSize { get; init; }

    [Description("Decoder layers.")]
    [Range(1, 1024)]
    public required int NumHiddenLayers { get; init; }

    [Description("Query heads; divides hidden_size.")]
    [Range(1, 1024)]
    public required int NumAttentionHeads { get; init; }

    [Description("Number of key/value heads (grouped-query attention); divides num_attention_heads.")]
    [Range(1, 1024)]
    public required int NumKeyValueHeads { get; init; }

    [Description("Rows of the embedding; default: the tokenizer's size. May be larger, never smaller.")]
    [Range(2, 1048576)]
    public int? VocabSize { get; init; }

    [Description("Use the embedding as output matrix.")]
    public bool TieWordEmbeddings { get; init; } = true;

    [Description("Base of the rotary embedding.")]
    [Range(1.0, 1e9)]
    public double RopeTheta { get; init; } = 10000;

    [Description("Added to the mean square in RMSNorm.")]
    [Range(1e-12, 1e-1)]
    public double RmsNormEps { get; init; } = 1e-6;

    [Description("Most positions; at least data.max_prompt_tokens + rollout.max_new_tokens.")]
    [Range(2, 1048576)]
    public int MaxPositionEmbeddings { get; init; } = 2048;

    [Description("Standard deviation of the initial weights.")]
    [Range(1e-6, 1.0)]
    public double InitializerRange { get; init; } = 0.02;

    [Description("'arithmetic' (the built-in task's tokenizer) or the path of a Hugging Face tokenizer.json.")]
    public required string Tokenizer { get; init; }
}
