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

    [Description("Type in which the model computes: float32 (default), bfloat16 or float16. Gradients, master weights and optimizer stay float32.")]
    public ComputeType Dtype { get; init; } = ComputeType.Float32;

    [Description("float16: losses are multiplied by this before back-propagation and gradients divided by it after, so that small ones do not vanish. A power of two.")]
    [Range(1.0, 16777216.0)]
    public double LossScale { get; init; } = 4096;

    [Description("Keep master weights and optimizer moments in the host's memory and run AdamW there: for GPUs too small for them. Without effect on a CPU.")]
    public bool OffloadOptimizer { get; init; }

    [Description("Low-rank adapters that are trained in place of the weights; default: all weights are trained.")]
    public LoraSpec? Lora { get; init; }
}

/// <summary>Element type of weights and activations in forward and backward passes.</summary>
public enum ComputeType { Float32, Bfloat16, Float16 }

/// <summary>Decoder families this build can create and load.</summary>
public enum ModelArchitecture
{
    /// <summary>Qwen2 and Qwen2.5: grouped-query attention with QKV bias, rotary embedding, RMSNorm, SwiGLU.</summary>
    Qwen2,

    /// <summary>Qwen3: queries and keys normalised per head, no biases, a head size of its own.</summary>
    Qwen3,

    /// <summary>Llama 2 and 3: no biases; Llama 3.1 and later with scaled rotary frequencies.</summary>
    Llama,
}

/// <summary>Shape of a model made from nothing. Names are those of Hugging Face's config.json.</summary>
public sealed record ModelInitSpec
{
    [Description("Decoder family.")]
    public ModelArchitecture Architecture { get; init; } = ModelArchitecture.Qwen2;

    [Description("Width of the residual stream; without head_dim a multiple of num_attention_heads, head size even.")]
    [Range(2, 65536)]
    public required int HiddenSize { get; init; }

    [Description("Width of the feed-forward layer.")]
    [Range(1, 1048576)]
    public required int IntermediateSize { get; init; }

    [Description("Decoder layers.")]
    [Range(1, 1024)]
    public required int NumHiddenLayers { get; init; }

    [Description("Query heads; divides hidden_size unless head_dim is given.")]
    [Range(1, 1024)]
    public required int NumAttentionHeads { get; init; }

    [Description("Number of key/value heads (grouped-query attention); divides num_attention_heads.")]
    [Range(1, 1024)]
    public required int NumKeyValueHeads { get; init; }

    [Description("Width of one head; default: hidden_size / num_attention_heads.")]
    [Range(2, 65536)]
    public int? HeadDim { get; init; }

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
