using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ctwa.Training.Specification;

/// <summary>Shape and constants of a decoder, as in Hugging Face's config.json.</summary>
public sealed record ModelConfig
{
    /// <summary>The values of <c>model_type</c> that this build can load.</summary>
    public static ImmutableArray<string> SupportedModelTypes { get; } = [.. Enum.GetValues<ModelArchitecture>().Select(TypeName)];

    /// <summary>Family; decides biases and norms of the attention.</summary>
    public ModelArchitecture Architecture { get; init; } = ModelArchitecture.Qwen2;

    /// <summary>Queries, keys and values have a bias (Qwen2).</summary>
    public bool HasAttentionBias => Architecture == ModelArchitecture.Qwen2;

    /// <summary>Queries and keys are normalised per head (Qwen3).</summary>
    public bool HasQueryKeyNorm => Architecture == ModelArchitecture.Qwen3;

    /// <summary>Change of the rotary frequencies for long contexts (Llama 3); null: none.</summary>
    public RopeScaling? RopeScaling { get; init; }

    public required int HiddenSize { get; init; }
    public required int IntermediateSize { get; init; }
    public required int NumHiddenLayers { get; init; }
    public required int NumAttentionHeads { get; init; }

    /// <summary>Heads of keys and values; each serves <c>NumAttentionHeads / NumKeyValueHeads</c> query heads.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>Width of one head; usually, but not necessarily, <c>HiddenSize / NumAttentionHeads</c>.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Rows of the embedding; at least the tokenizer's size.</summary>
    public required int VocabSize { get; init; }
    public double RopeTheta { get; init; } = 10000;
    public double RmsNormEps { get; init; } = 1e-6;

    /// <summary>The embedding is the output matrix too; there is no lm_head.weight.</summary>
    public bool TieWordEmbeddings { get; init; }
    public int MaxPositionEmbeddings { get; init; } = 32768;
    public int? BosTokenId { get; init; }

    /// <summary>Tokens that end a response; empty: the tokenizer decides.</summary>
    public ImmutableArray<int> EosTokenIds { get; init; } = [];
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Element type in which the weights are stored: float32, bfloat16 or float16.</summary>
    public string TorchDtype { get; init; } = "float32";

    /// <summary>Reads and checks a config.json.</summary>
    /// <exception cref="InvalidDataException">It is no supported model; the message lists everything that is wrong, one finding a line.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static ModelConfig Read(string path)
    {
        var errors = new List<string>();
        return ReadText(path, ModelConfigReader.Load(path), errors) ?? throw new InvalidDataException(string.Join(Environment.NewLine, errors));
    }

    /// <summary>Reads a config.json's text; adds one finding per defect to <paramref name="errors"/> and returns null if there is any.</summary>
    public static ModelConfig? ReadText(string path, string text, ICollection<string> errors) => new ModelConfigReader(path, errors).Read(text);

    /// <summary>The configuration of a new model.</summary>
    /// <param name="init">Shape, from a checked job.</param>
    /// <param name="tokenizerSize">Largest token id + 1 of its tokenizer.</param>
    /// <exception cref="ArgumentException">vocab_size is smaller than the tokenizer.</exception>
    public static ModelConfig FromInit(ModelInitSpec init, int tokenizerSize)
    {
        int vocabulary = init.VocabSize ?? tokenizerSize;
        if (vocabulary < tokenizerSize) { throw new ArgumentException($"model.init.vocab_size is {vocabulary}, but the tokenizer '{init.Tokenizer}' has {tokenizerSize} tokens; give at least {tokenizerSize}, or leave vocab_size out."); }
        return new ModelConfig
        {
            Architecture = init.Architecture,
            HiddenSize = init.HiddenSize,
            IntermediateSize = init.IntermediateSize,
            NumHiddenLayers = init.NumHiddenLayers,
            NumAttentionHeads = init.NumAttentionHeads,
            NumKeyValueHeads = init.NumKeyValueHeads,
            HeadDim = init.HeadDim ?? init.HiddenSize / init.NumAttentionHeads,
            VocabSize = vocabulary,
            RopeTheta = init.RopeTheta,
            RmsNormEps = init.RmsNormEps,
            TieWordEmbeddings = init.TieWordEmbeddings,
            MaxPositionEmbeddings = init.MaxPositionEmbeddings,
            InitializerRange = init.InitializerRange,
        };
    }

    /// <summary>A config.json that Hugging Face's transformers reads as this model.</summary>
    public string ToJson()
    {
        var json = new JsonObject
        {
            ["architectures"] = new JsonArray($"{Architecture}ForCausalLM"),
            ["attention_dropout"] = 0.0,
            ["bos_token_id"] = BosTokenId,
            ["eos_token_id"] = EosTokenIds switch { [] => null, [var one] => one, var more => new JsonArray([.. more.Select(id => (JsonNode)id)]) },
            ["hidden_act"] = "silu",
            ["hidden_size"] = HiddenSize,
            ["initializer_range"] = InitializerRange,
            ["intermediate_size"] = IntermediateSize,
            ["max_position_embeddings"] = MaxPositionEmbeddings,
            ["model_type"] = TypeName(Architecture),
            ["num_attention_heads"] = NumAttentionHeads,
            ["num_hidden_layers"] = NumHiddenLayers,
            ["num_key_value_heads"] = NumKeyValueHeads,
            ["rms_norm_eps"] = RmsNormEps,
            ["rope_scaling"] = RopeScaling?.ToJson(),
            ["rope_theta"] = RopeTheta,
            ["tie_word_embeddings"] = TieWordEmbeddings,
            ["torch_dtype"] = TorchDtype,
            ["use_cache"] = true,
            ["vocab_size"] = VocabSize,
        };
        if (Architecture == ModelArchitecture.Llama) { json["mlp_bias"] = false; }
        else { json.Insert(json.IndexOf("vocab_size"), "use_sliding_window", false); }
        if (Architecture != ModelArchitecture.Qwen2) { json["attention_bias"] = false; }
        // Readers of Qwen3 take 128 where it is left out.
        if (HeadDim * NumAttentionHeads != HiddenSize || Architecture == ModelArchitecture.Qwen3) { json.Insert(4, "head_dim", HeadDim); }
        return json.ToJsonString(indented) + "\n";
    }

    private static readonly JsonSerializerOptions indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>All parameters with their Hugging Face names, in the order of the flat parameter vector.</summary>
    public ImmutableArray<ModelParameter> Parameters()
    {
        var list = ImmutableArray.CreateBuilder<ModelParameter>();
        void Add(string name, params ReadOnlySpan<long> shape) => list.Add(new ModelParameter(name, [.. shape]));
        long queries = (long)NumAttentionHeads * HeadDim, keys = (long)NumKeyValueHeads * HeadDim;
        Add("model.embed_tokens.weight", VocabSize, HiddenSize);
        for (int i = 0; i < NumHiddenLayers; i++)
        {
            string layer = $"model.layers.{i}.";
            Add(layer + "input_layernorm.weight", HiddenSize);
            Add(layer + "self_attn.q_proj.weight", queries, HiddenSize);
            if (HasAttentionBias) { Add(layer + "self_attn.q_proj.bias", queries); }
            Add(layer + "self_attn.k_proj.weight", keys, HiddenSize);
            if (HasAttentionBias) { Add(layer + "self_attn.k_proj.bias", keys); }
            Add(layer + "self_attn.v_proj.weight", keys, HiddenSize);
            if (HasAttentionBias) { Add(layer + "self_attn.v_proj.bias", keys); }
            Add(layer + "self_attn.o_proj.weight", HiddenSize, queries);
            if (HasQueryKeyNorm)
            {
                Add(layer + "self_attn.q_norm.weight", HeadDim);
                Add(layer + "self_attn.k_norm.weight", HeadDim);
            }

            Add(layer + "post_attention_layernorm.weight", HiddenSize);
            Add(layer + "mlp.gate_proj.weight", IntermediateSize, HiddenSize);
            Add(layer + "mlp.up_proj.weight", IntermediateSize, HiddenSize);
            Add(layer + "mlp.down_proj.weight", HiddenSize, IntermediateSize);
        }

        Add("model.norm.weight", HiddenSize);
        if (!TieWordEmbeddings) { Add("lm_head.weight", VocabSize, HiddenSize); }
        return list.ToImmutable();
    }

    /// <summary>The family as <c>model_type</c> spells it.</summary>
    public static string TypeName(ModelArchitecture architecture) => architecture.ToString().ToLowerInvariant();

    /// <summary>Elements of all parameters.</summary>
    public long ParameterCount() => Parameters().Sum(p => p.Count);

    /// <summary>Equality by value, the stop tokens included.</summary>
    public bool Equals(ModelConfig? other) => other is not null && ToJson() == other.ToJson();

    public override int GetHashCode() => ToJson().GetHashCode(StringComparison.Ordinal);
}
