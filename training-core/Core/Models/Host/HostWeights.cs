using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using static TorchSharp.torch;

namespace Ctwa.Training.Models.Host;

/// <summary>Where a decoder's parameters lie: in the weights, or, at the same offsets, in a gradient. A parameter outside the range has address 0.</summary>
internal sealed unsafe class HostWeights
{
    private readonly Dictionary<string, FlatEntry> _entries;
    private readonly SliceRange _range;
    private readonly float* _first;

    /// <param name="vector">Contiguous float32 on the host, shape [range length]; must outlive this.</param>
    /// <param name="range">Part of the layout that the vector holds; null: all of it.</param>
    public HostWeights(ModelConfig config, FlatLayout layout, Tensor vector, SliceRange? range = null)
        : this(config, layout.Entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal), vector, range ?? new SliceRange(0, vector.NumberOfElements)) { }

    private HostWeights(ModelConfig config, Dictionary<string, FlatEntry> entries, Tensor vector, SliceRange range)
    {
        _entries = entries;
        _range = range;
        _first = (float*)TensorAddress.Of(vector);
        Embedding = Find("model.embed_tokens.weight");
        FinalNorm = Find("model.norm.weight");
        Output = config.TieWordEmbeddings ? Embedding : Find("lm_head.weight");
        Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(i => new Layer(this, $"model.layers.{i}."))];
    }

    public float* Embedding { get; }

    public float* FinalNorm { get; }

    public float* Output { get; }

    public Layer[] Layers { get; }

    /// <summary>The same places in another vector.</summary>
    public HostWeights Of(ModelConfig config, Tensor vector, SliceRange? range) => new(config, _entries, vector, range ?? new SliceRange(0, vector.NumberOfElements));

    private float* Find(string name) => _entries.TryGetValue(name, out var entry) && entry.Offset >= _range.Start && entry.Offset + entry.Length <= _range.Start + _range.Length
        ? _first + (entry.Offset - _range.Start)
        : null;

    /// <summary>One block's.</summary>
    internal sealed class Layer(HostWeights all, string prefix)
    {
        public float* AttentionNorm { get; } = all.Find(prefix + "input_layernorm.weight");
        public float* Query { get; } = all.Find(prefix + "self_attn.q_proj.weight");
        public float* QueryBias { get; } = all.Find(prefix + "self_attn.q_proj.bias");
        public float* QueryNorm { get; } = all.Find(prefix + "self_attn.q_norm.weight");
        public float* Key { get; } = all.Find(prefix + "self_attn.k_proj.weight");
        public float* KeyBias { get; } = all.Find(prefix + "self_attn.k_proj.bias");
        public float* KeyNorm { get; } = all.Find(prefix + "self_attn.k_norm.weight");
        public float* Value { get; } = all.Find(prefix + "self_attn.v_proj.weight");
        public float* ValueBias { get; } = all.Find(prefix + "self_attn.v_proj.bias");
        public float* Output { get; } = all.Find(prefix + "self_attn.o_proj.weight");
        public float* FeedForwardNorm { get; } = all.Find(prefix + "post_attention_layernorm.weight");
        public float* Gate { get; } = all.Find(prefix + "mlp.gate_proj.weight");
        public float* Up { get; } = all.Find(prefix + "mlp.up_proj.weight");
        public float* Down { get; } = all.Find(prefix + "mlp.down_proj.weight");
    }
}
