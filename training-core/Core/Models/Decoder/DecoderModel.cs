using Ctwa.Training.Models.Host;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Ctwa.Training.Models.Decoder;

/// <summary>
/// The decoder of Qwen2 (arXiv 2407.10671), Qwen3 (arXiv 2505.09388) and Llama (arXiv 2407.21783): RMSNorm, grouped-query
/// attention with QKV bias (Qwen2) or with queries and keys normalised per head (Qwen3), rotary embedding, SwiGLU. All
/// parameters are views into one flat vector that the caller owns. With bfloat16 or float16 weights, norms, softmax and
/// logits are still computed in float32, as Hugging Face's modelling code does.
/// Shape letters: B rows, T new tokens, S all tokens, H heads, K key/value heads, G = H/K, D head size.
/// </summary>
public sealed class DecoderModel : IBlockModel
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
    private readonly LoraAdapters? _adapters;
    private readonly int _headSize;
    private readonly int _group;
    private readonly Lazy<HostDecoder?> _host;
    private Tensor? _causalMask;

    /// <param name="config">Shape of the model.</param>
    /// <param name="layout">Places of <see cref="ModelConfig.Parameters"/> in <paramref name="flatWeights"/>.</param>
    /// <param name="flatWeights">All weights, float32, bfloat16 or float16, shape [layout length]; updated in place by its owner, never while a graph is alive.</param>
    /// <param name="fusedAttention">Whether <see cref="Hidden(Tensor)"/> uses libtorch's fused causal attention; on CPUs it changes bits.</param>
    /// <param name="adapters">Trained in place of the weights, which then get no gradient; null: the weights are trained. Disposed of with the model.</param>
    public DecoderModel(ModelConfig config, FlatLayout layout, Tensor flatWeights, bool fusedAttention = false, LoraAdapters? adapters = null)
    {
        _adapters = adapters;
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
                var parameter = new Parameter(flatWeights.narrow(0, entry.Offset, entry.Length).view(entry.Shape), requires_grad: adapters is null);
                _parameters.Add(entry.Name, (Parameter)parameter.DetachFromDisposeScope());
            }
        }

        _embedding = _parameters["model.embed_tokens.weight"];
        _finalNorm = _parameters["model.norm.weight"];
        _output = config.TieWordEmbeddings ? _embedding : _parameters["lm_head.weight"];
        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(i => new Layer(i, $"model.layers.{i}.", _parameters))];
        _host = new(() => adapters is null ? HostDecoder.Create(config, layout, flatWeights) : null, LazyThreadSafetyMode.None);
        _rotary = new RotaryEmbedding(_headSize, config.RopeTheta, config.RopeScaling, _type, _device);
    }

    public int VocabularySize => _config.VocabSize;

    HostDecoder? IPolicyModel.Host => _host.Value;

    public int BlockCount => _layers.Length;

    public bool TrainsEmbedding => _embedding.requires_grad;

    /// <summary>What is trained: the adapters if there are any, else the weights.</summary>
    private FlatLayout Trained => _adapters?.Layout ?? _layout;

    public void DropFor(DropoutIdentity? microBatch)
    {
        if (_adapters is not null) { _adapters.Dropout = microBatch; }
    }

    public void PointGradientsAt(Tensor flatGradient) => PointGradientsAt(flatGradient, new SliceRange(0, Trained.Length));

    public void PointGradientsAt(Tensor gradient, SliceRange range)
    {
        // The parameter keeps a reference of its own: the wrappers made here are freed at once.
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var parameters = _adapters?.Parameters ?? _parameters;
        foreach (var entry in Trained.Entries)
        {
            if (!parameters.TryGetValue(entry.Name, out var parameter)) { continue; } // The value head's, behind the adapters.
            bool inside = entry.Offset >= range.Start && entry.Offset + entry.Length <= range.Start + range.Length;
            if (parameter.requires_grad != inside) { parameter.requires_grad = inside; }
            if (inside) { parameter.grad = gradient.narrow(0, entry.Offset - range.Start, entry.Length).view(entry.Shape); }
        }
    }

    public Tensor Hidden(Tensor ids)
    {
        using var scope = NewDisposeScope();
        return Run(Rows(ids), Context(new TokenLayout(ids, null, null, null, ids.size(0), ids.size(1)))).MoveToOuterDisposeScope();
    }

    public Tensor Hidden(TokenLayout tokens)
    {
        using var scope = NewDisposeScope();
        return Run(Embed(tokens), Context(tokens)).MoveToOuterDisposeScope();
    }

    public Tensor Hidden(Tensor ids, Tensor positions, Tensor attentionMask)
    {
        using var scope = NewDisposeScope();
        long length = ids.size(1);
        var mask = CausalMask(length).view(1, 1, 1, length, length).Plus(PaddingMask(attentionMask));
        var (cosine, sine) = _rotary.At(positions, Largest(positions));
        return Run(Rows(ids), new BlockContext(cosine, sine, mask.clamp_(min: Scalars.Of(Masked)), null, null)).MoveToOuterDisposeScope();
    }

    public BlockContext Context(TokenLayout tokens)
    {
        var (cosine, sine) = tokens.Positions is { } positions ? _rotary.At(positions, tokens.Width) : _rotary.First(tokens.Width);
        return new BlockContext(cosine, sine, _fusedAttention ? null : CausalMask(tokens.Width), tokens.Positions is null ? null : tokens, null);
    }

    public Tensor Embed(TokenLayout tokens) => Rows(tokens.Ids);

    public Tensor Block(int index, Tensor hidden, BlockContext context)
    {
        // What the backward pass does not keep is freed before the next block.
        using var scope = NewDisposeScope();
        var layer = _layers[index];
        var attended = hidden.Plus(Attend(layer, Normalize(hidden, layer.AttentionNorm, _config.RmsNormEps), context));
        return attended.Plus(FeedForward(layer, Normalize(attended, layer.FeedForwardNorm, _config.RmsNormEps))).MoveToOuterDisposeScope();
    }

    public Tensor FinalNorm(Tensor hidden) => Normalize(hidden, _finalNorm, _config.RmsNormEps);

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
        var (cosine, sine) = _rotary.At(positions, store.Capacity);
        var hidden = Run(Rows(ids), new BlockContext(cosine, sine, mask, null, store));
        store.Advance((int)added);
        return hidden.select(1, added - 1).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var parameter in _parameters.Values) { parameter.Dispose(); }
        _adapters?.Dispose();
        _rotary.Dispose();
        if (_host.IsValueCreated) { _host.Value?.Dispose(); }
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

    private Tensor Rows(Tensor ids) => _embedding.index_select(0, ids.reshape(-1)).view(ids.size(0), ids.size(1), _config.HiddenSize);

    private Tensor Run(Tensor hidden, BlockContext context)
    {
        for (int i = 0; i < _layers.Length; i++)
        {
            var input = hidden;
            hidden = Block(i, input, context);
            input.Dispose();
        }

        return FinalNorm(hidden);
    }

    private Tensor Attend(Layer layer, Tensor input_BTC, BlockContext context)
    {
        int keyHeads = _config.NumKeyValueHeads;
        long batch = input_BTC.size(0), length = input_BTC.size(1);
        var queries = Project(layer, LoraTarget.QProj, input_BTC, layer.QueryWeight, layer.QueryBias).view(batch, length, _config.NumAttentionHeads, _headSize);
        var keys = Project(layer, LoraTarget.KProj, input_BTC, layer.KeyWeight, layer.KeyBias).view(batch, length, keyHeads, _headSize);
        var values = Project(layer, LoraTarget.VProj, input_BTC, layer.ValueWeight, layer.ValueBias).view(batch, length, keyHeads, _headSize);
        if (layer.QueryNorm is { } queryNorm && layer.KeyNorm is { } keyNorm)
        {
            queries = Normalize(queries, queryNorm, _config.RmsNormEps);
            keys = Normalize(keys, keyNorm, _config.RmsNormEps);
        }

        queries = _rotary.Apply(queries, context.Cosine, context.Sine);
        keys = _rotary.Apply(keys, context.Cosine, context.Sine);
        if (context.Packing is { } packing)
        {
            Tensor Pad(Tensor packed) => packed.view(length, -1).index_select(0, packing.ToPadded!).view(packing.Rows, packing.Width, packed.size(2), _headSize);
            (queries, keys, values) = (Pad(queries), Pad(keys), Pad(values));
        }

        var attended = context.Mask is { } mask ? AttendMasked(layer, queries, keys, values, mask, (KeyValueCache?)context.Cache) : AttendFused(queries, keys, values);
        if (context.Packing is { } back) { attended = attended.view(back.Rows * back.Width, -1).index_select(0, back.ToPacked!).view(batch, length, -1); }
        return Project(layer, LoraTarget.OProj, attended, layer.OutputWeight, null);
    }

    /// <summary>Attention of [B, T, H, D] over [B, T, K, D] and the cache, with softmax in float32; gives [B, T, H × D].</summary>
    private Tensor AttendMasked(Layer layer, Tensor queries, Tensor keys, Tensor values, Tensor mask, KeyValueCache? cache)
    {
        int keyHeads = _config.NumKeyValueHeads;
        long batch = queries.size(0), length = queries.size(1);

        // The G query heads that share a key head become rows of one matrix: no key is copied per query head.
        queries = queries.view(batch, length, keyHeads, _group, _headSize).permute(0, 2, 3, 1, 4).reshape(batch * keyHeads, _group * length, _headSize);
        keys = keys.permute(0, 2, 1, 3).reshape(batch * keyHeads, length, _headSize);
        values = values.permute(0, 2, 1, 3).reshape(batch * keyHeads, length, _headSize);
        if (cache is not null) { (keys, values) = cache.Append(layer.Index, keys, values); }

        long total = keys.size(1);
        var scores = queries.bmm(keys.transpose(1, 2)).mul_(Scalars.Of(1.0 / Math.Sqrt(_headSize))).view(batch, keyHeads, _group, length, total).Plus(mask);
        var attended = functional.softmax(scores, -1).to(_type).view(batch * keyHeads, _group * length, total).bmm(values);
        return attended.view(batch, keyHeads, _group, length, _headSize).permute(0, 3, 1, 2, 4).reshape(batch, length, _config.NumAttentionHeads * (long)_headSize);
    }

    /// <summary>Causal attention without padding of [B, T, H, D] over [B, T, K, D] in one kernel; gives [B, T, H × D].</summary>
    private static Tensor AttendFused(Tensor queries, Tensor keys, Tensor values)
    {
        long batch = queries.size(0), length = queries.size(1), heads = queries.size(2), headSize = queries.size(3), keyHeads = keys.size(2);
        Tensor PerQueryHead(Tensor shared) => shared.unsqueeze(3).expand(batch, length, keyHeads, heads / keyHeads, headSize).reshape(batch, length, heads, headSize).transpose(1, 2);
        return functional.scaled_dot_product_attention(queries.transpose(1, 2), PerQueryHead(keys), PerQueryHead(values), is_casual: true)
            .transpose(1, 2).reshape(batch, length, heads * headSize);
    }

    private Tensor FeedForward(Layer layer, Tensor input) => Project(
        layer,
        LoraTarget.DownProj,
        functional.silu(Project(layer, LoraTarget.GateProj, input, layer.GateWeight, null)) * Project(layer, LoraTarget.UpProj, input, layer.UpWeight, null),
        layer.DownWeight,
        null);

    /// <summary>W x + b, and the adapter's part where there is one.</summary>
    private Tensor Project(Layer layer, LoraTarget target, Tensor input, Parameter weight, Parameter? bias)
    {
        var output = functional.linear(input, weight, bias);
        return _adapters?.Apply(layer.Index, target, input) is { } adapted ? output.Plus(adapted) : output;
    }

    /// <summary>The parameters of one block, looked up once.</summary>
    private sealed class Layer(int index, string prefix, Dictionary<string, Parameter> parameters)
    {
        public int Index { get; } = index;
        public Parameter AttentionNorm { get; } = parameters[prefix + "input_layernorm.weight"];
        public Parameter QueryWeight { get; } = parameters[prefix + "self_attn.q_proj.weight"];
        public Parameter? QueryBias { get; } = parameters.GetValueOrDefault(prefix + "self_attn.q_proj.bias");
        public Parameter? QueryNorm { get; } = parameters.GetValueOrDefault(prefix + "self_attn.q_norm.weight");
        public Parameter KeyWeight { get; } = parameters[prefix + "self_attn.k_proj.weight"];
        public Parameter? KeyBias { get; } = parameters.GetValueOrDefault(prefix + "self_attn.k_proj.bias");
        public Parameter? KeyNorm { get; } = parameters.GetValueOrDefault(prefix + "self_attn.k_norm.weight");
        public Parameter ValueWeight { get; } = parameters[prefix + "self_attn.v_proj.weight"];
        public Parameter? ValueBias { get; } = parameters.GetValueOrDefault(prefix + "self_attn.v_proj.bias");
        public Parameter OutputWeight { get; } = parameters[prefix + "self_attn.o_proj.weight"];
        public Parameter FeedForwardNorm { get; } = parameters[prefix + "post_attention_layernorm.weight"];
        public Parameter GateWeight { get; } = parameters[prefix + "mlp.gate_proj.weight"];
        public Parameter UpWeight { get; } = parameters[prefix + "mlp.up_proj.weight"];
        public Parameter DownWeight { get; } = parameters[prefix + "mlp.down_proj.weight"];
    }
}
