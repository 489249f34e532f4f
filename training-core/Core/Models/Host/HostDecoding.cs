using System.Runtime.InteropServices;
using Ctwa.Training.Kernels;
using Ctwa.Training.Native;
using static TorchSharp.torch;

namespace Ctwa.Training.Models.Host;

/// <summary>
/// Token by token decoding of several samples of several prompts. A prompt is run once; its samples read its keys and values where they lie, and append their own.
/// A row that has ended is left out of the next step.
/// </summary>
internal sealed unsafe class HostDecoding : IDisposable
{
    private readonly HostDecoder _decoder;
    private readonly int[] _lengths;
    private readonly long[] _promptKeys, _promptValues;
    private readonly int _samples, _longest;
    private readonly long _ownKeys, _ownValues, _promptLayer;
    private readonly float* _prompts, _own;
    private readonly int _layers;

    /// <param name="prompts">Each at least one token long.</param>
    /// <param name="samples">Rows per prompt; row r belongs to prompt r / samples.</param>
    /// <param name="newTokens">Most tokens that a row will get.</param>
    public HostDecoding(HostDecoder decoder, IReadOnlyList<int[]> prompts, int samples, int newTokens)
    {
        (_decoder, _samples, _layers) = (decoder, samples, decoder.Layers);
        _lengths = [.. prompts.Select(prompt => prompt.Length)];
        _longest = _lengths.Max();
        (_promptKeys, _promptValues) = (new long[prompts.Count], new long[prompts.Count]);
        long at = 0;
        for (int i = 0; i < prompts.Count; i++)
        {
            (_promptKeys[i], _promptValues[i]) = (at, at + (decoder.KeyHeads * CausalAttention.KeyCacheLength(_lengths[i], decoder.HeadSize)));
            at = _promptValues[i] + Rounded((long)decoder.KeyHeads * _lengths[i] * decoder.HeadSize);
        }

        _promptLayer = at;
        _ownKeys = CausalAttention.KeyCacheLength(newTokens, decoder.HeadSize);
        _ownValues = Rounded((long)newTokens * decoder.HeadSize);
        _prompts = Allocate(_layers * _promptLayer);
        _own = Allocate(_layers * (long)Rows * decoder.KeyHeads * (_ownKeys + _ownValues));
        Prefill(prompts);
    }

    /// <summary>Prompts × samples.</summary>
    public int Rows => _lengths.Length * _samples;

    /// <summary>Final hidden states of the prompts' last tokens, [prompts, C]; valid until the first step.</summary>
    public float* PromptHidden { get; private set; }

    /// <summary>One more token for some rows.</summary>
    /// <param name="rows">The rows that go on.</param>
    /// <param name="tokens">Their new tokens.</param>
    /// <param name="position">How many tokens each has got before this one.</param>
    /// <returns>Final hidden states [rows, C], valid until the next step.</returns>
    public float* Step(ReadOnlySpan<int> rows, ReadOnlySpan<int> tokens, int position)
    {
        _decoder.Arena.Reset();
        int n = rows.Length, group = _decoder.Heads / _decoder.KeyHeads, size = _decoder.HeadSize;
        int[] which = rows.ToArray();
        int* positions = _decoder.Arena.TakeIntegers(n);
        for (int i = 0; i < n; i++) { positions[i] = _lengths[which[i] / _samples] + position; }
        return _decoder.Decode(tokens, positions, _longest + position + 1, (layer, queriesKeysValues, stride, attended, outputStride) =>
        {
            long scratch = group * (CausalAttention.Padded(_longest) + CausalAttention.Padded(position + 1));
            _decoder.EachScratch(n, scratch, (i, space) =>
            {
                int row = which[i], prompt = row / _samples;
                float* x = (float*)queriesKeysValues + ((long)i * stride), cache = _prompts + (layer * _promptLayer);
                for (int head = 0; head < _decoder.KeyHeads; head++)
                {
                    float* keys = OwnKeys(layer, row, head), values = keys + _ownKeys, key = x + ((_decoder.Heads + head) * size), value = key + (_decoder.KeyHeads * size);
                    CausalAttention.StoreKey(key, keys, position, size);
                    new ReadOnlySpan<float>(value, size).CopyTo(new Span<float>(values + ((long)position * size), size));
                    CausalAttention.Decode(
                        x + (head * group * size), cache + _promptKeys[prompt] + (head * CausalAttention.KeyCacheLength(_lengths[prompt], size)), cache + _promptValues[prompt] + ((long)head * _lengths[prompt] * size), _lengths[prompt],
                        keys, values, position + 1, (float*)attended + ((long)i * outputStride) + (head * group * size), size, group, (float*)space);
                }
            });
        });
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_prompts);
        NativeMemory.AlignedFree(_own);
    }

    private static long Rounded(long count) => (count + 15) & ~15L;

    private static float* Allocate(long count) => (float*)NativeMemory.AlignedAlloc((nuint)(count * sizeof(float)) + 64, 64);

    private float* OwnKeys(int layer, int row, int head) => _own + (((((long)layer * Rows) + row) * _decoder.KeyHeads) + head) * (_ownKeys + _ownValues);

    private void Prefill(IReadOnlyList<int[]> prompts)
    {
        var batch = new HostBatch(prompts);
        _decoder.Arena.Reset();
        int size = _decoder.HeadSize, layer = 0;
        var tape = _decoder.Forward(batch, keep: false, afterBlock: (block, stride) =>
        {
            float* cache = _prompts + (layer++ * _promptLayer), rows = (float*)block;
            for (int prompt = 0; prompt < _lengths.Length; prompt++)
            {
                for (int head = 0; head < _decoder.KeyHeads; head++)
                {
                    float* keys = cache + _promptKeys[prompt] + (head * CausalAttention.KeyCacheLength(_lengths[prompt], size)), values = cache + _promptValues[prompt] + ((long)head * _lengths[prompt] * size);
                    for (int t = 0; t < _lengths[prompt]; t++)
                    {
                        float* key = rows + ((long)(batch.Starts[prompt] + t) * stride) + ((_decoder.Heads + head) * size), value = key + (_decoder.KeyHeads * size);
                        CausalAttention.StoreKey(key, keys, t, size);
                        new ReadOnlySpan<float>(value, size).CopyTo(new Span<float>(values + ((long)t * size), size));
                    }
                }
            }
        });
        int[] last = [.. _lengths.Select((length, i) => batch.Starts[i] + length - 1)];
        PromptHidden = _decoder.Arena.Take((long)last.Length * _decoder.HiddenSize);
        _decoder.FinalHidden(tape, last, PromptHidden);
    }
}
