using Ctwa.Training.Kernels;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Models.Host;

/// <summary>
/// The decoder of <see cref="DecoderModel"/> for float32 on a CPU, without libtorch's graph: matrix products of its BLAS on plain memory, everything between them in
/// fused kernels, sequences packed without padding, and a backward pass written by hand that adds into flat gradients. It belongs to one lane.
/// Letters: N tokens, C hidden size, H heads, K key heads, D head size, I intermediate size, V vocabulary.
/// </summary>
internal sealed unsafe partial class HostDecoder : IDisposable
{
    private readonly ModelConfig _config;
    private readonly HostWeights _weights;
    private readonly Tensor _owner;
    private readonly RotaryEmbedding _rotary;
    private float* _cosine, _sine;
    private long _tabled;
    private readonly int _hidden, _heads, _keyHeads, _size, _inner, _wide;
    private readonly float _epsilon;

    private HostDecoder(ModelConfig config, FlatLayout layout, Tensor weights)
    {
        (_config, _owner) = (config, weights);
        _weights = new HostWeights(config, layout, weights);
        (_hidden, _heads, _keyHeads, _size, _inner) = (config.HiddenSize, config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim, config.IntermediateSize);
        _wide = (_heads + (2 * _keyHeads)) * _size;
        _epsilon = (float)config.RmsNormEps;
        _rotary = new RotaryEmbedding(_size, config.RopeTheta, config.RopeScaling, float32, CPU);
    }

    /// <summary>One for these weights; null where they are not float32 on a CPU, a size is no multiple of 8, or libtorch has no BLAS to call.</summary>
    public static HostDecoder? Create(ModelConfig config, FlatLayout layout, Tensor weights) =>
        weights.device_type == DeviceType.CPU && weights.dtype == float32 && config.HiddenSize % 8 == 0 && config.HeadDim % 8 == 0 && Blas.IsAvailable ? new HostDecoder(config, layout, weights) : null;

    public int HiddenSize => _hidden;

    public int VocabularySize => _config.VocabSize;

    /// <summary>Memory of the passes; the caller resets it between them.</summary>
    public HostArena Arena { get; } = new();

    /// <summary>Forward pass of packed sequences.</summary>
    /// <param name="keep">For a backward pass.</param>
    /// <param name="recompute">Keep only what enters each block.</param>
    /// <param name="afterBlock">Called after each block with the address of its queries, keys and values, and their stride.</param>
    public HostTape Forward(HostBatch batch, bool keep, bool recompute = false, Action<nint, int>? afterBlock = null)
    {
        int n = batch.Tokens;
        var positions = Arena.TakeIntegers(n);
        batch.Positions.CopyTo(new Span<int>(positions, n));
        GrowTables(batch.Longest);
        bool shared = !keep || recompute;
        var blocks = new HostTape.Block[_weights.Layers.Length];
        for (int i = 0; i < blocks.Length; i++) { blocks[i] = shared && i > 0 ? Sharing(blocks[0]) : TakeBlock(n); }
        float* input = Arena.Take((long)n * _hidden), spare = null;
        for (int t = 0; t < n; t++) { new ReadOnlySpan<float>(_weights.Embedding + ((long)batch.Ids[t] * _hidden), _hidden).CopyTo(new Span<float>(input + ((long)t * _hidden), _hidden)); }
        var tape = new HostTape { Batch = batch, Positions = positions, Blocks = blocks, Recomputes = recompute };
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i].Input = input;
            // Without a backward pass two buffers take turns.
            float* output = keep || spare is null ? Arena.Take((long)n * _hidden) : spare;
            RunBlock(_weights.Layers[i], blocks[i], tape, output);
            afterBlock?.Invoke((nint)blocks[i].QueriesKeysValues, _wide);
            spare = input;
            input = output;
        }

        tape.Last = input;
        return tape;
    }

    /// <summary>Final hidden states at some tokens.</summary>
    /// <param name="places">Indices of tokens.</param>
    /// <param name="output">Receives [places, C].</param>
    public void FinalHidden(HostTape tape, ReadOnlySpan<int> places, float* output)
    {
        for (int i = 0; i < places.Length; i++)
        {
            RmsNorm.Forward(tape.Last + ((long)places[i] * _hidden), _hidden, _weights.FinalNorm, output + ((long)i * _hidden), _hidden, null, 1, _hidden, _epsilon);
        }
    }

    /// <summary>Logits of hidden states [rows, C].</summary>
    /// <param name="logits">Receives [rows, V].</param>
    public void Logits(float* hidden, int rows, float* logits) => Blas.Multiply(false, true, rows, VocabularySize, _hidden, 1, hidden, _hidden, _weights.Output, _hidden, 0, logits, VocabularySize);

    public void Dispose()
    {
        Arena.Dispose();
        _rotary.Dispose();
    }

    private void GrowTables(int positions)
    {
        if (_tabled >= positions) { return; }
        using var scope = NewDisposeScope();
        var (cosine, sine) = _rotary.First(positions);
        _cosine = (float*)TensorAddress.Of(cosine.view(-1));
        _sine = (float*)TensorAddress.Of(sine.view(-1));
        _tabled = positions;
    }

    private HostTape.Block TakeBlock(int n) => new()
    {
        Normed = Arena.Take((long)n * _hidden),
        InverseRms = Arena.Take(n),
        Raw = _config.HasQueryKeyNorm ? Arena.Take((long)n * _wide) : null,
        HeadInverseRms = _config.HasQueryKeyNorm ? Arena.Take((long)n * (_heads + _keyHeads)) : null,
        QueriesKeysValues = Arena.Take((long)n * _wide),
        Attended = Arena.Take((long)n * _heads * _size),
        LogSums = Arena.Take((long)n * _heads),
        Middle = Arena.Take((long)n * _hidden),
        MiddleNormed = Arena.Take((long)n * _hidden),
        MiddleInverseRms = Arena.Take(n),
        Gate = Arena.Take((long)n * _inner),
        Up = Arena.Take((long)n * _inner),
    };

    private static HostTape.Block Sharing(HostTape.Block block) => new()
    {
        Normed = block.Normed, InverseRms = block.InverseRms, Raw = block.Raw, HeadInverseRms = block.HeadInverseRms, QueriesKeysValues = block.QueriesKeysValues, Attended = block.Attended,
        LogSums = block.LogSums, Middle = block.Middle, MiddleNormed = block.MiddleNormed, MiddleInverseRms = block.MiddleInverseRms, Gate = block.Gate, Up = block.Up,
    };

    private void RunBlock(HostWeights.Layer layer, HostTape.Block block, HostTape tape, float* output)
    {
        int n = tape.Batch.Tokens;
        Project(layer, block, tape.Positions, n);
        Attend(block, tape.Batch);
        Finish(layer, block, n, output);
    }

    /// <summary>Norm, queries, keys and values, rotation.</summary>
    private void Project(HostWeights.Layer layer, HostTape.Block block, int* positions, int n)
    {
        HostThreads.EachRows(n, (long)n * _hidden, (first, end) => RmsNorm.Forward(block.Input + ((long)first * _hidden), _hidden, layer.AttentionNorm, block.Normed + ((long)first * _hidden), _hidden, block.InverseRms + first, end - first, _hidden, _epsilon));
        int queries = _heads * _size, keys = _keyHeads * _size;
        float* made = block.Raw is not null ? block.Raw : block.QueriesKeysValues;
        Blas.Multiply(false, true, n, queries, _hidden, 1, block.Normed, _hidden, layer.Query, _hidden, 0, made, _wide);
        Blas.Multiply(false, true, n, keys, _hidden, 1, block.Normed, _hidden, layer.Key, _hidden, 0, made + queries, _wide);
        Blas.Multiply(false, true, n, keys, _hidden, 1, block.Normed, _hidden, layer.Value, _hidden, 0, made + queries + keys, _wide);
        HostThreads.EachRows(n, (long)n * _wide, (first, end) =>
        {
            int rows = end - first;
            float* from = made + ((long)first * _wide), to = block.QueriesKeysValues + ((long)first * _wide);
            if (layer.QueryBias is not null)
            {
                Elementwise.AddBias(from, _wide, layer.QueryBias, rows, queries);
                Elementwise.AddBias(from + queries, _wide, layer.KeyBias, rows, keys);
                Elementwise.AddBias(from + queries + keys, _wide, layer.ValueBias, rows, keys);
            }

            if (block.Raw is not null)
            {
                for (int row = 0; row < rows; row++)
                {
                    float* inverse = block.HeadInverseRms + ((long)(first + row) * (_heads + _keyHeads)), x = from + ((long)row * _wide), y = to + ((long)row * _wide);
                    RmsNorm.Forward(x, _size, layer.QueryNorm, y, _size, inverse, _heads, _size, _epsilon);
                    RmsNorm.Forward(x + queries, _size, layer.KeyNorm, y + queries, _size, inverse + _heads, _keyHeads, _size, _epsilon);
                    new ReadOnlySpan<float>(x + queries + keys, keys).CopyTo(new Span<float>(y + queries + keys, keys));
                }
            }

            Elementwise.Rotate(to, _wide, _heads + _keyHeads, _size, _cosine, _sine, positions + first, rows, inverse: false);
        });
    }

    private void Attend(HostTape.Block block, HostBatch batch)
    {
        int group = _heads / _keyHeads, queries = _heads * _size, keys = _keyHeads * _size;
        long scratch = CausalAttention.ForwardScratch(batch.Longest, _size);
        EachOfAttention(batch, scratch, (start, length, head, space) =>
        {
            float* first = block.QueriesKeysValues + ((long)start * _wide);
            CausalAttention.Forward(
                first + (head * group * _size), first + queries + (head * _size), first + queries + keys + (head * _size), _wide,
                block.Attended + ((long)start * queries) + (head * group * _size), queries, block.LogSums + ((long)start * _heads) + (head * group), _heads, length, _size, group, (float*)space);
        });
    }

    /// <summary>For every sequence and key head, with scratch memory of its thread's own.</summary>
    private void EachOfAttention(HostBatch batch, long scratch, Action<int, int, int, nint> work)
    {
        EachScratch(batch.Starts.Length * _keyHeads, scratch, (pair, space) => work(batch.Starts[pair / _keyHeads], batch.Lengths[pair / _keyHeads], pair % _keyHeads, space));
    }

    /// <summary>Output projection, feed-forward, both residuals.</summary>
    private void Finish(HostWeights.Layer layer, HostTape.Block block, int n, float* output)
    {
        long all = (long)n * _hidden;
        // β = 1 adds the residual.
        Copy(block.Input, block.Middle, all);
        Blas.Multiply(false, true, n, _hidden, _heads * _size, 1, block.Attended, _heads * _size, layer.Output, _heads * _size, 1, block.Middle, _hidden);
        HostThreads.EachRows(n, all, (first, end) => RmsNorm.Forward(block.Middle + ((long)first * _hidden), _hidden, layer.FeedForwardNorm, block.MiddleNormed + ((long)first * _hidden), _hidden, block.MiddleInverseRms + first, end - first, _hidden, _epsilon));
        Blas.Multiply(false, true, n, _inner, _hidden, 1, block.MiddleNormed, _hidden, layer.Gate, _hidden, 0, block.Gate, _inner);
        Blas.Multiply(false, true, n, _inner, _hidden, 1, block.MiddleNormed, _hidden, layer.Up, _hidden, 0, block.Up, _inner);
        var mark = Arena.Here;
        float* product = Arena.Take((long)n * _inner);
        HostThreads.EachRows(n, (long)n * _inner, (first, end) => Elementwise.SwiGlu(block.Gate + ((long)first * _inner), block.Up + ((long)first * _inner), product + ((long)first * _inner), (long)(end - first) * _inner));
        Copy(block.Middle, output, all);
        Blas.Multiply(false, true, n, _hidden, _inner, 1, product, _inner, layer.Down, _inner, 1, output, _hidden);
        Arena.Return(mark);
    }

    private static void Copy(float* from, float* to, long count) => Buffer.MemoryCopy(from, to, count * sizeof(float), count * sizeof(float));
}
