using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Ctwa.Bench.Compute.Twin;

#pragma warning disable RS0030 // The straightforward way is what this is here for.

/// <summary>A decoder as one writes it in TorchSharp: modules, operators, the same steps as bench/pytorch/decoder.py.</summary>
internal sealed class PlainDecoder : Module
{
    private readonly ModelShape _shape;
    private readonly Embedding _embedding;
    private readonly ModuleList<PlainBlock> _layers;
    private readonly PlainNorm _norm;

    public PlainDecoder(ModelShape shape) : base(nameof(PlainDecoder))
    {
        _shape = shape;
        _embedding = Embedding(shape.Vocabulary, shape.Hidden);
        _layers = new ModuleList<PlainBlock>([.. Enumerable.Range(0, shape.Layers).Select(_ => new PlainBlock(shape))]);
        _norm = new PlainNorm(shape.Hidden);
        register_module("embedding", _embedding);
        register_module("layers", _layers);
        register_module("norm", _norm);
        foreach (var (name, parameter) in named_parameters())
        {
            if (name.EndsWith("bias", StringComparison.Ordinal)) { init.zeros_(parameter); }
            else if (!name.EndsWith("scale", StringComparison.Ordinal)) { init.normal_(parameter, 0, 0.02); }
        }
    }

    public Tensor Hidden(Tensor ids, Tensor positions, Tensor mask, Tensor[][]? caches)
    {
        int size = _shape.Hidden / _shape.Heads;
        var frequencies = 1.0 / pow(1e6, arange(0, size, 2).to(float32) / size);
        var angles = positions.unsqueeze(-1).to(float32) * frequencies;
        angles = cat([angles, angles], -1).unsqueeze(1);
        var (cosine, sine) = (angles.cos(), angles.sin());
        var x = _embedding.forward(ids);
        for (int i = 0; i < _layers.Count; i++) { x = _layers[i].Forward(x, cosine, sine, mask, caches?[i]); }
        return _norm.Forward(x);
    }

    public Tensor Logits(Tensor hidden) => functional.linear(hidden, _embedding.weight!);

    /// <summary>Log-probabilities of the tokens after the first, of right-padded sequences, [batch, length − 1].</summary>
    public Tensor LogProbabilities(Tensor ids)
    {
        long length = ids.shape[1] - 1;
        var mask = full(length, length, float.MinValue).triu(1);
        var logits = Logits(Hidden(ids.narrow(1, 0, length), arange(length).unsqueeze(0), mask, null));
        return logits.log_softmax(-1).gather(-1, ids.narrow(1, 1, length).unsqueeze(-1)).squeeze(-1);
    }

    internal static Tensor RotateHalf(Tensor x)
    {
        long half = x.shape[^1] / 2;
        return cat([-x.narrow(-1, half, half), x.narrow(-1, 0, half)], -1);
    }
}

internal sealed class PlainNorm : Module
{
    private readonly Parameter _weight;

    public PlainNorm(int size) : base(nameof(PlainNorm))
    {
        _weight = new Parameter(ones(size));
        register_parameter("scale", _weight);
    }

    public Tensor Forward(Tensor x) => _weight * (x * rsqrt(x.pow(2).mean([-1], true) + 1e-6));
}

internal sealed class PlainBlock : Module
{
    private readonly ModelShape _shape;
    private readonly PlainNorm _first, _second;
    private readonly Linear _q, _k, _v, _o, _gate, _up, _down;

    public PlainBlock(ModelShape shape) : base(nameof(PlainBlock))
    {
        _shape = shape;
        int size = shape.Hidden / shape.Heads;
        (_first, _second) = (new PlainNorm(shape.Hidden), new PlainNorm(shape.Hidden));
        (_q, _k, _v) = (Linear(shape.Hidden, shape.Hidden), Linear(shape.Hidden, shape.KeyHeads * size), Linear(shape.Hidden, shape.KeyHeads * size));
        _o = Linear(shape.Hidden, shape.Hidden, hasBias: false);
        (_gate, _up, _down) = (Linear(shape.Hidden, shape.Inner, hasBias: false), Linear(shape.Hidden, shape.Inner, hasBias: false), Linear(shape.Inner, shape.Hidden, hasBias: false));
        register_module("first", _first);
        register_module("second", _second);
        foreach (var (name, module) in (ReadOnlySpan<(string, Linear)>)[("q", _q), ("k", _k), ("v", _v), ("o", _o), ("gate", _gate), ("up", _up), ("down", _down)]) { register_module(name, module); }
    }

    public Tensor Forward(Tensor x, Tensor cosine, Tensor sine, Tensor mask, Tensor[]? cache)
    {
        x += Attend(_first.Forward(x), cosine, sine, mask, cache);
        var y = _second.Forward(x);
        return x + _down.forward(functional.silu(_gate.forward(y)) * _up.forward(y));
    }

    private Tensor Attend(Tensor x, Tensor cosine, Tensor sine, Tensor mask, Tensor[]? cache)
    {
        long batch = x.shape[0], length = x.shape[1], size = _shape.Hidden / _shape.Heads;
        var q = _q.forward(x).view(batch, length, _shape.Heads, size).transpose(1, 2);
        var k = _k.forward(x).view(batch, length, _shape.KeyHeads, size).transpose(1, 2);
        var v = _v.forward(x).view(batch, length, _shape.KeyHeads, size).transpose(1, 2);
        q = (q * cosine) + (PlainDecoder.RotateHalf(q) * sine);
        k = (k * cosine) + (PlainDecoder.RotateHalf(k) * sine);
        if (cache is not null)
        {
            if (cache[0] is not null) { (k, v) = (cat([cache[0], k], 2), cat([cache[1], v], 2)); }
            (cache[0], cache[1]) = (k.DetachFromDisposeScope(), v.DetachFromDisposeScope());
        }

        long repeat = _shape.Heads / _shape.KeyHeads;
        (k, v) = (k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1));
        var scores = (q.matmul(k.transpose(2, 3)) / Math.Sqrt(size)) + mask;
        return _o.forward(scores.softmax(-1).matmul(v).transpose(1, 2).reshape(batch, length, -1));
    }
}
