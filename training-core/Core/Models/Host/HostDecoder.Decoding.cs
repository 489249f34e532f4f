using System.Runtime.InteropServices;
using Ctwa.Training.Kernels;
using static TorchSharp.torch;

namespace Ctwa.Training.Models.Host;

/// <summary>One new token per row: what <see cref="HostDecoding"/> needs of the decoder.</summary>
internal sealed unsafe partial class HostDecoder
{
    public int Layers => _weights.Layers.Length;

    public int Heads => _heads;

    public int KeyHeads => _keyHeads;

    public int HeadSize => _size;

    /// <summary>Attention of one block over a cache that the caller keeps.</summary>
    /// <param name="queriesKeysValues">Address of rotated queries, rotated keys and values, rows of <paramref name="stride"/>.</param>
    /// <param name="attended">Address of the output, rows of <paramref name="outputStride"/>.</param>
    public delegate void CachedAttention(int layer, nint queriesKeysValues, int stride, nint attended, int outputStride);

    /// <summary>Final hidden states [rows, C] of one token per row.</summary>
    /// <param name="positions">Of each token, below <paramref name="end"/>.</param>
    public float* Decode(ReadOnlySpan<int> tokens, int* positions, int end, CachedAttention attention)
    {
        int n = tokens.Length;
        GrowTables(end);
        var block = TakeBlock(n);
        float* input = Arena.Take((long)n * _hidden), output = Arena.Take((long)n * _hidden);
        for (int i = 0; i < n; i++) { new ReadOnlySpan<float>(_weights.Embedding + ((long)tokens[i] * _hidden), _hidden).CopyTo(new Span<float>(input + ((long)i * _hidden), _hidden)); }
        for (int i = 0; i < _weights.Layers.Length; i++)
        {
            block.Input = input;
            Project(_weights.Layers[i], block, positions, n);
            attention(i, (nint)block.QueriesKeysValues, _wide, (nint)block.Attended, _heads * _size);
            Finish(_weights.Layers[i], block, n, output);
            float* spare = input;
            input = output;
            output = spare;
        }

        RmsNorm.Forward(input, _hidden, _weights.FinalNorm, output, _hidden, null, n, _hidden, _epsilon);
        return output;
    }

    /// <summary>For every row, with scratch memory of its thread's own.</summary>
    public void EachScratch(int rows, long scratch, Action<int, nint> work)
    {
        int threads = get_num_threads();
        if (threads == 1 || rows == 1)
        {
            var mark = Arena.Here;
            nint space = (nint)Arena.Take(scratch);
            for (int row = 0; row < rows; row++) { work(row, space); }
            Arena.Return(mark);
            return;
        }

        Parallel.For(0, rows, new ParallelOptions { MaxDegreeOfParallelism = threads }, () => (nint)NativeMemory.AlignedAlloc((nuint)((scratch * sizeof(float)) + 64), 64), (row, _, space) =>
        {
            work(row, space);
            return space;
        }, space => NativeMemory.AlignedFree((void*)space));
    }
}
