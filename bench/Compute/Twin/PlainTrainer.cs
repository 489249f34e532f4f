using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Bench.Compute.Twin;

#pragma warning disable RS0030 // The straightforward way is what this is here for.

/// <summary>Training, scoring and sampling with <see cref="PlainDecoder"/>, as bench/pytorch/work.py does them.</summary>
internal sealed class PlainTrainer : IDisposable
{
    private readonly ModelShape _shape;
    private readonly PlainDecoder _model;
    private readonly optim.Optimizer _optimizer;
    private readonly (int[] Prompt, int[] Response)[] _sequences;

    public PlainTrainer(ModelShape shape)
    {
        random.manual_seed(1);
        (_shape, _model, _sequences) = (shape, new PlainDecoder(shape), shape.Sequences);
        _optimizer = optim.AdamW(_model.parameters(), lr: 1e-6, weight_decay: 0.01);
    }

    public void Run(string work)
    {
        if (work == "training") { Update(); }
        else
        {
            using var noGrad = no_grad();
            foreach (var part in _sequences.Chunk(_shape.MicroBatch))
            {
                using var scope = NewDisposeScope();
                var (ids, _) = Batch(part);
                _model.LogProbabilities(ids);
            }
        }
    }

    /// <returns>Tokens drawn, up to each row's stop.</returns>
    public int Generate(int[][] prompts, int samples, int newTokens, int stop)
    {
        using var outer = NewDisposeScope();
        using var noGrad = no_grad();
        int width = prompts.Max(prompt => prompt.Length), batch = prompts.Length * samples;
        var ids = tensor(prompts.SelectMany(prompt => Enumerable.Repeat(0L, width - prompt.Length).Concat(prompt.Select(id => (long)id))).ToArray(), [prompts.Length, width]).repeat_interleave(samples, 0);
        var lengths = tensor(prompts.Select(prompt => (long)prompt.Length).ToArray()).repeat_interleave(samples);
        var valid = arange(width).unsqueeze(0).ge((width - lengths).unsqueeze(1));
        var positions = (arange(width).unsqueeze(0) - (width - lengths).unsqueeze(1)).clamp(min: 0);
        var padding = where(valid, tensor(0f), tensor(float.MinValue)).unsqueeze(1).unsqueeze(1);
        var caches = Enumerable.Range(0, _shape.Layers).Select(_ => new Tensor[2]).ToArray();
        var hidden = _model.Hidden(ids, positions, (full(width, width, float.MinValue).triu(1) + padding).clamp(min: float.MinValue), caches).narrow(1, width - 1, 1);
        var tokens = new List<Tensor>();
        var done = zeros(batch, ScalarType.Bool);
        for (int i = 0; i < newTokens; i++)
        {
            // All intermediates of all tokens would not fit a machine.
            using var scope = NewDisposeScope();
            var old = caches.SelectMany(pair => pair).ToArray();
            var token = multinomial(_model.Logits(hidden).squeeze(1).softmax(-1), 1);
            tokens.Add(token.MoveToOuterDisposeScope());
            done = done.logical_or(token.squeeze(1).eq(stop)).MoveToOuterDisposeScope();
            if (done.all().item<bool>() || i + 1 == newTokens) { break; }
            valid = cat([valid, ones(batch, 1, ScalarType.Bool)], 1).MoveToOuterDisposeScope();
            hidden = _model.Hidden(token, (lengths + i).unsqueeze(1), where(valid, tensor(0f), tensor(float.MinValue)).unsqueeze(1).unsqueeze(1), caches).MoveToOuterDisposeScope();
            foreach (var tensor in old) { tensor.Dispose(); }
        }

        foreach (var tensor in caches.SelectMany(pair => pair)) { tensor.Dispose(); }
        long[] drawn = cat(tokens, 1).data<long>().ToArray();
        return Enumerable.Range(0, batch).Sum(row => Math.Min(tokens.Count, 1 + Array.IndexOf(drawn, stop, row * tokens.Count, tokens.Count) is var end && end == 0 ? tokens.Count : end - (row * tokens.Count)));
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _model.Dispose();
    }

    private void Update()
    {
        _optimizer.zero_grad();
        int count = _shape.ResponseTokens;
        foreach (var part in _sequences.Chunk(_shape.MicroBatch))
        {
            using var scope = NewDisposeScope();
            var (ids, mask) = Batch(part);
            (-(_model.LogProbabilities(ids) * mask).sum() / count).backward();
        }

        using var stepScope = NewDisposeScope();
        _optimizer.step();
    }

    private static (Tensor Ids, Tensor Mask) Batch((int[] Prompt, int[] Response)[] rows)
    {
        int width = rows.Max(row => row.Prompt.Length + row.Response.Length);
        long[] ids = new long[rows.Length * width];
        float[] mask = new float[rows.Length * (width - 1)];
        for (int row = 0; row < rows.Length; row++)
        {
            int[] all = [.. rows[row].Prompt, .. rows[row].Response];
            for (int i = 0; i < all.Length; i++) { ids[(row * width) + i] = all[i]; }
            mask.AsSpan((row * (width - 1)) + rows[row].Prompt.Length - 1, rows[row].Response.Length).Fill(1);
        }

        return (tensor(ids, [rows.Length, width]), tensor(mask, [rows.Length, width - 1]));
    }
}
