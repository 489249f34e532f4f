using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Ctwa.Training.Models.Qwen2;

/// <summary>
/// The Qwen2/Qwen2.5 decoder (arXiv 2407.10671): RMSNorm, grouped-query attention with QKV bias, rotary embedding,
/// SwiGLU. All parameters are views into one flat vector that the caller owns. With bfloat16 weights, norms, softmax and
/// logits are still computed in float32, as Hugging Face's modelling code does.
/// Shape letters: B rows, T new tokens, S all tokens, H heads, K key/value heads, G = H/K, D head size.
/// </summary>
public sealed class Qwen2Model : IPolicyModel
{
    // The most negative finite float32, as in the reference: a fully masked (padding) row stays finite.
    private const float Masked = float.MinValue;

    private readonly ModelConfig _config;
    private readonly FlatLayout _layout;
    private readonly Dictionary<string, Parameter> _parameters = new(StringComparer.Ordinal);
    private readonly Layer[] _layers;
    private readonly Parameter _embedding;
    private readonly Parameter _finalNorm;
    private readonly Parameter _output;
    private readonly RotaryEmbedding _rotary;
    private readonly Device _device;
    private readonly ScalarType _type;
    private readonly bool _fusedAttention;
    private readonly int _headSize;
    private readonly int _group;
    private Tensor? _causalMask;

    /// <param name="config">Shape of the model.</param>
    /// <param name="layout">Places of <see cref="ModelConfig.Parameters"/> in <paramref name="flatWeights"/>.</param>
    /// <param name="flatWeights">All weights, float32 or bfloat16, shape [layout length]; updated in place by its owner, never while a graph is alive.</param>
    /// <param name="fusedAttention">Whether <see cref="Hidden(Tensor)"/> uses libtorch's fused causal attention; on CPUs it changes bits.</param>
    public Qwen2Model(ModelConfig config, FlatLayout layout, Tensor flatWeights, bool fusedAttention = false)
    {
        _config = config;
        _layout = layout;
        _device = flatWeights.device;
        _type = flatWeights.dtype;
        _fusedAttention = fusedAttention;
        _headSize = config.HeadDim;
        _group = config.NumAttentionHeads / config.NumKeyValueHeads;
        using (no_grad())
        {
            foreach (var entry in layout.Entries)
            {
                var parameter = new Parameter(flatWeights.narrow(0, entry.Offset, entry.Length).view(entry.Shape), requires_grad: true);
                _parameters.Add(entry.Name, (Parameter)parameter.DetachFromDisposeScope());
            }
        }

        _embedding = _parameters["model.embed_tokens.weight"];
        _finalNorm = _parameters["model.norm.weight"];
        _output = config.TieWordEmbeddings ? _embedding : _parameters["lm_head.weight"];
        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(i => new Layer($"model.layers.{i}.", _parameters))];
        _rotary = new RotaryEmbedding(_headSize, config.RopeTheta, _type, _device);
    }

    public int VocabularySize => _config.VocabSize;

    public void PointGradientsAt(Tensor flatGradient) => PointGradientsAt(flatGradient, new SliceRange(0, _layout.Length));

    public void PointGradientsAt(Tensor gradient, SliceRange range)
    {
        // The parameter keeps a reference of its own: the wrappers made here are freed at once.
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var entry in _layout.Entries)
        {
            bool inside = entry.Offset >= range.Start && entry.Offset + entry.Length <= range.Start + range.Length;
            var parameter = _parameters[entry.Name];
            if (parameter.requires_grad != inside) { parameter.requires_grad = inside; }
            if (inside) { parameter.grad = gradient.narrow(0, entry.Offset - range.Start, entry.Length).view(entry.Shape); }
        }
    }

    public Tensor Hidden(Tensor ids)
    {
        using var scope = NewDisposeScope();
        long length = ids.size(1);
        return Run(ids, _rotary.First(length), _fusedAttention ? null : CausalMask(length), cache: null).MoveToOuterDisposeScope();
    }

    public Tensor Hidden(Tensor ids, Tensor positions, Tensor attentionMask)
    {
        using var scope = NewDisposeScope();
        long length = ids.size(1);
        var mask = CausalMask(length).view(1, 1, 1, length, length).Plus(PaddingMask(attentionMask));
        return Run(ids, _rotary.At(positions, Largest(positions)), mask.clamp_(min: Scalars.Of(Masked)), cache: null).MoveToOuterDisposeScope();
    }

    public Tensor Logits(Tensor hidden)
    {
        var logits = functional.linear(hidden, _output);
        if (_type == float32) { return logits; }
        using (logits) { return logits.to(float32); }
    }

    public IDecodingCache NewCache(int rows, int capacity) =>
        new KeyValueCache(_config.NumHiddenLayers, rows, _config.NumKeyValueHeads, capacity, _headSize, _type, _device);

    public Tensor Extend(Tensor ids, Tensor positions, Tensor attentionMask, IDecodingCache cache)
    {
        using var scope = NewDisposeScope();
        var store = (KeyValueCache)cache;
        long added = ids.size(1), total = store.Length + added;
        var mask = PaddingMask(attentionMask);
        if (added > 1) { mask = mask.Plus(CausalMask(total).narrow(0, total - added, added)).clamp_(min: Scalars.Of(Masked)); }

        // A position never exceeds the number of cached tokens, since padding only shortens it.
        var hidden = Run(ids, _rotary.At(positions, store.Capacity), mask, store);
        store.Advance((int)added);
        return hidden.select(1, added - 1).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var parameter in _parameters.Values) { parameter.Dispose(); }
        _rotary.Dispose();
        _causalMask?.Dispose();
    }

    private static long Largest(Tensor positions)
    {
        using var largest = positions.max();
        return largest.item<long>();
    }

    /// <summary>0 where a key may be seen, the most negative number where it is padding: [B, 1, 1, 1, S].</summary>
    private static Tensor PaddingMask(Tensor attentionMask) =>
        attentionMask.to(float32).neg_().PlusInPlace(1).mul_(Scalars.Of(Masked)).view(attentionMask.size(0), 1, 1, 1, attentionMask.size(1));

    private static Tensor Normalize(Tensor values, Tensor weight, double epsilon)
    {
        var wide = values.to(float32);
        return (wide * (wide * wide).mean([-1], keepdim: true).PlusInPlace(epsilon).rsqrt_()).to(values.dtype) * weight;
    }

    private Tensor CausalMask(long length)
    {
        if (_causalMask is null || _causalMask.size(0) < length)
        {
            long size = (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Max(64, length));
            _causalMask?.Dispose();
            _causalMask = full([size, size], Scalars.Of(Masked), float32, _device).triu_(1).DetachFromDisposeScope();
        }

        return _causalMask.narrow(0, 0, length).narrow(1, 0, length);
    }

    private Tensor Run(Tensor ids, (Tensor Cosine, Tensor Sine) rotation, Tensor? mask, KeyValueCache? cache)
    {
        long batch = ids.size(0), length = ids.size(1);
        var hidden = _embedding.index_select(0, ids.reshape(-1)).view(batch, length, _config.HiddenSize);
        for (int i = 0; i < _layers.Length; i++)
        {
            // Per block: what the backward pass does not keep is freed before the next one.
            using var scope = NewDisposeScope();
            var layer = _layers[i];
            hidden = hidden.Plus(Attend(layer, i, Normalize(hidden, layer.AttentionNorm, _config.RmsNormEps), rotation, mask, cache));
            hidden = hidden.Plus(FeedForward(layer, Normalize(hidden, layer.FeedForwardNorm, _config.RmsNormEps))).MoveToOuterDisposeScope();
        }

        return Normalize(hidden, _finalNorm, _config.RmsNormEps);
    }

    private Tensor Attend(Layer layer, int index, Tensor input_BTC, (Tensor Cosine, Tensor Sine) rotation, Tensor? mask, KeyValueCache? cache)
    {
        long batch = input_BTC.size(0), length = input_BTC.size(1);
        int keyHeads = _config.NumKeyValueHeads;
        var queries = functional.linear(input_BTC, layer.QueryWeight, layer.QueryBias).view(batch, length, _config.NumAttentionHeads, _headSize);
        var keys = functional.linear(input_BTC, layer.KeyWeight, layer.KeyBias).view(batch, length, keyHeads, _headSize);
        var values = functional.linear(input_BTC, layer.ValueWeight, layer.ValueBias).view(batch, length, keyHeads, _headSize);
        queries = _rotary.Apply(queries, rotation.Cosine, rotation.Sine);
        keys = _rotary.Apply(keys, rotation.Cosine, rotation.Sine);

        if (mask is null) { return functional.linear(AttendFused(queries, keys, values), layer.OutputWeight); }

        // The G query heads that share a key head become rows of one matrix: no key is copied per query head.
        queries = queries.view(batch, length, keyHeads, _group, _headSize).permute(0, 2, 3, 1, 4).reshape(batch * keyHeads, _group * length, _headSize);
        keys = keys.permute(0, 2, 1, 3).reshape(batch * keyHeads, length, _headSize);
        values = values.permute(0, 2, 1, 3).reshape(batch * keyHeads, length, _headSize);
        if (cache is not null) { (keys, values) = cache.Append(index, keys, values); }

        long total = keys.size(1);
        var scores = queries.bmm(keys.transpose(1, 2)).mul_(Scalars.Of(1.0 / Math.Sqrt(_headSize))).view(batch, keyHeads, _group, length, total).Plus(mask);
        var attended = functional.softmax(scores, -1).to(_type).view(batch * keyHeads, _group * length, total).bmm(values);
        attended = attended.view(batch, keyHeads, _group, length, _headSize).permute(0, 3, 1, 2, 4).reshape(batch, length, _config.NumAttentionHeads * (long)_headSize);
        return functional.linear(attended, layer.OutputWeight);
    }

    /// <summary>Causal attention without padding of [B, T, H, D] over [B, T, K, D] in one kernel; gives [B, T, H × D].</summary>
    private static Tensor AttendFused(Tensor queries, Tensor keys, Tensor values)
    {
        long batch = queries.size(0), length = queries.size(1), heads = queries.size(2), headSize = queries.size(3), keyHeads = keys.size(2);
        Tensor PerQueryHead(Tensor shared) => shared.unsqueeze(3).expand(batch, length, keyHeads, heads / keyHeads, headSize).reshape(batch, length, heads, headSize).transpose(1, 2);
        return functional.scaled_dot_product_attention(queries.transpose(1, 2), PerQueryHead(keys), PerQueryHead(values), is_casual: true)
            .transpose(1, 2).reshape(batch, length, heads * headSize);
    }

    private static Tensor FeedForward(Layer layer, Tensor input) =>
        functional.linear(functional.silu(functional.linear(input, layer.GateWeight)) * functional.linear(input, layer.UpWeight), layer.DownWeight);

    /// <summary>The parameters of one block, looked up once.</summary>
    private sealed class Layer(string prefix, Dictionary<string, Parameter> parameters)
    {
        public Parameter AttentionNorm { get; } = parameters[prefix + "input_layernorm.weight"];
        public Parameter QueryWeight { get; } = parameters[prefix + "self_attn.q_proj.weight"];
        public Parameter QueryBias { get; } = parameters[prefix + "self_attn.q_proj.bias"];
        public Parameter KeyWeight { get; } = parameters[prefix + "self_attn.k_proj.weight"];
        public Parameter KeyBias { get; } = parameters[prefix + "self_attn.k_proj.bias"];
        public Parameter ValueWeight { get; } = parameters[prefix + "self_attn.v_proj.weight"];
        public Parameter ValueBias { get; } = parameters[prefix + "self_attn.v_proj.bias"];
        public Parameter OutputWeight { get; } = parameters[prefix + "self_attn.o_proj.weight"];
        public Parameter FeedForwardNorm { get; } = parameters[prefix + "post_attention_layernorm.weight"];
        public Parameter GateWeight { get; } = parameters[prefix + "mlp.gate_proj.weight"];
        public Parameter UpWeight { get; } = parameters[prefix + "mlp.up_proj.weight"];
        public Parameter DownWeight { get; } = parameters[prefix + "mlp.down_proj.weight"];
    }
}
