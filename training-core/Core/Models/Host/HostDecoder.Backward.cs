using Ctwa.Training.Kernels;
using Ctwa.Training.Native;
using static TorchSharp.torch;

namespace Ctwa.Training.Models.Host;

/// <summary>The backward pass. Several gradients that differ by one factor per token share it but for the gradients of the matrices: see <see cref="HostGradients"/>.</summary>
internal sealed unsafe partial class HostDecoder
{
    /// <summary>Places of the parameters in a gradient.</summary>
    /// <param name="range">Part of the layout that the gradient covers; null: all of it.</param>
    public HostWeights GradientsIn(Tensor gradient, SliceRange? range) => _weights.Of(_config, gradient, range);

    /// <summary>Adds the gradient of the output matrix, and gives that of the hidden states.</summary>
    /// <param name="logitGradients">[rows, V].</param>
    /// <param name="hidden">[rows, C].</param>
    /// <param name="hiddenGradients">Receives or gets added [rows, C].</param>
    public void LogitsBackward(float* logitGradients, float* hidden, float* hiddenGradients, int rows, HostGradients targets, int firstRow, bool add)
    {
        Blas.Multiply(false, false, rows, _hidden, VocabularySize, 1, logitGradients, VocabularySize, _weights.Output, _hidden, add ? 1 : 0, hiddenGradients, _hidden);
        var mark = Arena.Here;
        for (int m = 0; m < targets.Count; m++)
        {
            float* place = targets.Weights[m].Output;
            if (place is null) { continue; }
            float* input = Scaled(hidden, targets.RowScales(m), firstRow, rows, _hidden);
            Blas.Multiply(true, false, VocabularySize, _hidden, rows, 1, logitGradients, VocabularySize, input, _hidden, 1, place, _hidden);
            Arena.Return(mark);
        }
    }

    /// <summary>Adds the gradients of everything below the final hidden states.</summary>
    /// <param name="places">The tokens whose hidden states were used.</param>
    /// <param name="hiddenGradients">Gradient of each, [places, C].</param>
    public void Backward(HostTape tape, ReadOnlySpan<int> places, float* hiddenGradients, HostGradients targets)
    {
        int n = tape.Batch.Tokens;
        var mark = Arena.Here;
        float* gradient = Arena.TakeZeros((long)n * _hidden);
        FinalNormBackward(tape, places, hiddenGradients, gradient, targets);
        for (int i = _weights.Layers.Length - 1; i >= 0; i--)
        {
            if (!targets.Reaches(i)) { break; }
            var block = tape.Blocks[i];
            if (tape.Recomputes) { Again(i, tape); }
            BlockBackward(i, block, tape, gradient, targets);
        }

        for (int m = 0; m < targets.Count; m++)
        {
            float* embedding = targets.Weights[m].Embedding;
            if (embedding is null) { continue; }
            float* scale = targets.TokenScales(m);
            for (int t = 0; t < n; t++)
            {
                float* to = embedding + ((long)tape.Batch.Ids[t] * _hidden), from = gradient + ((long)t * _hidden);
                if (scale is null) { Elementwise.Add(to, from, _hidden); }
                else { Elementwise.AddColumnSums(from, _hidden, scale + t, to, 1, _hidden); }
            }
        }

        Arena.Return(mark);
    }

    private void FinalNormBackward(HostTape tape, ReadOnlySpan<int> places, float* hiddenGradients, float* gradient, HostGradients targets)
    {
        float* inverse = stackalloc float[1];
        float* normed = Arena.Take(_hidden);
        for (int i = 0; i < places.Length; i++)
        {
            float* x = tape.Last + ((long)places[i] * _hidden), dy = hiddenGradients + ((long)i * _hidden);
            RmsNorm.Forward(x, _hidden, _weights.FinalNorm, normed, _hidden, inverse, 1, _hidden, _epsilon);
            RmsNorm.Backward(x, _hidden, _weights.FinalNorm, inverse, dy, _hidden, gradient + ((long)places[i] * _hidden), _hidden, 1, _hidden, add: true);
            for (int m = 0; m < targets.Count; m++)
            {
                float* place = targets.Weights[m].FinalNorm, scale = targets.RowScales(m);
                if (place is not null) { RmsNorm.WeightGradient(x, _hidden, inverse, dy, _hidden, scale is null ? null : scale + i, 1, place, 1, _hidden); }
            }
        }
    }

    /// <summary>Computes a block again into the shared memory; its output is not needed.</summary>
    private void Again(int index, HostTape tape)
    {
        var mark = Arena.Here;
        RunBlock(_weights.Layers[index], tape.Blocks[index], tape, Arena.Take((long)tape.Batch.Tokens * _hidden));
        Arena.Return(mark);
    }

    /// <summary>Replaces the gradient of a block's output by that of its input.</summary>
    private void BlockBackward(int index, HostTape.Block block, HostTape tape, float* gradient, HostGradients targets)
    {
        var mark = Arena.Here;
        FeedForwardBackward(index, block, tape.Batch.Tokens, gradient, targets);
        Arena.Return(mark);
        AttentionBackward(index, block, tape, gradient, targets);
        Arena.Return(mark);
    }

    private void FeedForwardBackward(int index, HostTape.Block block, int n, float* gradient, HostGradients targets)
    {
        var layer = _weights.Layers[index];
        long inner = (long)n * _inner;
        float* product = Arena.Take(inner), gate = Arena.Take(inner), up = Arena.Take(inner), normed = Arena.Take((long)n * _hidden);
        Blas.Multiply(false, false, n, _inner, _hidden, 1, gradient, _hidden, layer.Down, _inner, 0, product, _inner);
        HostThreads.EachRows(n, inner, (first, end) =>
        {
            long at = (long)first * _inner, count = (long)(end - first) * _inner;
            Copy(block.Gate + at, gate + at, count);
            Copy(block.Up + at, up + at, count);
            Elementwise.SwiGluBackward(gate + at, up + at, product + at, count);
        });
        Blas.Multiply(false, false, n, _hidden, _inner, 1, gate, _inner, layer.Gate, _hidden, 0, normed, _hidden);
        Blas.Multiply(false, false, n, _hidden, _inner, 1, up, _inner, layer.Up, _hidden, 1, normed, _hidden);
        var mark = Arena.Here;
        for (int m = 0; m < targets.Count; m++)
        {
            var places = targets.Weights[m].Layers[index];
            if (places.Down is null) { continue; }
            float* scale = targets.TokenScales(m), output = Scaled(gradient, scale, 0, n, _hidden), input = Scaled(block.MiddleNormed, scale, 0, n, _hidden);
            MatrixGradient(output, _hidden, product, _inner, n, places.Down);
            MatrixGradient(gate, _inner, input, _hidden, n, places.Gate);
            MatrixGradient(up, _inner, input, _hidden, n, places.Up);
            NormGradient(block.Middle, block.MiddleInverseRms, normed, scale, n, places.FeedForwardNorm);
            Arena.Return(mark);
        }

        HostThreads.EachRows(n, (long)n * _hidden, (first, end) => RmsNorm.Backward(
            block.Middle + ((long)first * _hidden), _hidden, layer.FeedForwardNorm, block.MiddleInverseRms + first, normed + ((long)first * _hidden), _hidden, gradient + ((long)first * _hidden), _hidden, end - first, _hidden, add: true));
    }

    private void AttentionBackward(int index, HostTape.Block block, HostTape tape, float* gradient, HostGradients targets)
    {
        var layer = _weights.Layers[index];
        int n = tape.Batch.Tokens, queries = _heads * _size, keys = _keyHeads * _size, group = _heads / _keyHeads;
        float* attended = Arena.Take((long)n * queries), made = Arena.Take((long)n * _wide), normed = Arena.Take((long)n * _hidden);
        Blas.Multiply(false, false, n, queries, _hidden, 1, gradient, _hidden, layer.Output, queries, 0, attended, queries);
        EachOfAttention(tape.Batch, CausalAttention.BackwardScratch(tape.Batch.Longest, _size), (start, length, head, space) =>
        {
            long row = (long)start * _wide, ofQuery = row + (head * group * _size), ofKey = row + queries + (head * _size), ofValue = ofKey + keys, ofOutput = ((long)start * queries) + (head * group * _size);
            CausalAttention.Backward(
                block.QueriesKeysValues + ofQuery, block.QueriesKeysValues + ofKey, block.QueriesKeysValues + ofValue, _wide, block.Attended + ofOutput, attended + ofOutput, queries,
                block.LogSums + ((long)start * _heads) + (head * group), _heads, made + ofQuery, made + ofKey, made + ofValue, length, _size, group, (float*)space);
        });
        HostThreads.EachRows(n, (long)n * _wide, (first, end) => Elementwise.Rotate(made + ((long)first * _wide), _wide, _heads + _keyHeads, _size, _cosine, _sine, tape.Positions + first, end - first, inverse: true));
        if (block.Raw is not null) { HeadNormBackward(index, block, made, n, targets); }
        Blas.Multiply(false, false, n, _hidden, queries, 1, made, _wide, layer.Query, _hidden, 0, normed, _hidden);
        Blas.Multiply(false, false, n, _hidden, keys, 1, made + queries, _wide, layer.Key, _hidden, 1, normed, _hidden);
        Blas.Multiply(false, false, n, _hidden, keys, 1, made + queries + keys, _wide, layer.Value, _hidden, 1, normed, _hidden);
        var mark = Arena.Here;
        for (int m = 0; m < targets.Count; m++)
        {
            var places = targets.Weights[m].Layers[index];
            if (places.Query is null) { continue; }
            float* scale = targets.TokenScales(m), output = Scaled(gradient, scale, 0, n, _hidden), input = Scaled(block.Normed, scale, 0, n, _hidden);
            MatrixGradient(output, _hidden, block.Attended, queries, n, places.Output);
            Blas.Multiply(true, false, queries, _hidden, n, 1, made, _wide, input, _hidden, 1, places.Query, _hidden);
            Blas.Multiply(true, false, keys, _hidden, n, 1, made + queries, _wide, input, _hidden, 1, places.Key, _hidden);
            Blas.Multiply(true, false, keys, _hidden, n, 1, made + queries + keys, _wide, input, _hidden, 1, places.Value, _hidden);
            if (places.QueryBias is not null)
            {
                Elementwise.AddColumnSums(made, _wide, scale, places.QueryBias, n, queries);
                Elementwise.AddColumnSums(made + queries, _wide, scale, places.KeyBias, n, keys);
                Elementwise.AddColumnSums(made + queries + keys, _wide, scale, places.ValueBias, n, keys);
            }

            NormGradient(block.Input, block.InverseRms, normed, scale, n, places.AttentionNorm);
            Arena.Return(mark);
        }

        HostThreads.EachRows(n, (long)n * _hidden, (first, end) => RmsNorm.Backward(
            block.Input + ((long)first * _hidden), _hidden, layer.AttentionNorm, block.InverseRms + first, normed + ((long)first * _hidden), _hidden, gradient + ((long)first * _hidden), _hidden, end - first, _hidden, add: true));
    }

    /// <summary>Through the norms of queries and keys, in place.</summary>
    private void HeadNormBackward(int index, HostTape.Block block, float* made, int n, HostGradients targets)
    {
        var layer = _weights.Layers[index];
        int queries = _heads * _size;
        for (int t = 0; t < n; t++)
        {
            float* raw = block.Raw + ((long)t * _wide), inverse = block.HeadInverseRms + ((long)t * (_heads + _keyHeads)), dy = made + ((long)t * _wide);
            for (int m = 0; m < targets.Count; m++)
            {
                var places = targets.Weights[m].Layers[index];
                if (places.QueryNorm is null) { continue; }
                float* scale = targets.TokenScales(m);
                RmsNorm.WeightGradient(raw, _size, inverse, dy, _size, scale is null ? null : scale + t, _heads, places.QueryNorm, _heads, _size);
                RmsNorm.WeightGradient(raw + queries, _size, inverse + _heads, dy + queries, _size, scale is null ? null : scale + t, _keyHeads, places.KeyNorm, _keyHeads, _size);
            }

            RmsNorm.Backward(raw, _size, layer.QueryNorm, inverse, dy, _size, dy, _size, _heads, _size, add: false);
            RmsNorm.Backward(raw + queries, _size, layer.KeyNorm, inverse + _heads, dy + queries, _size, dy + queries, _size, _keyHeads, _size, add: false);
        }
    }

    /// <summary>Adds outputᵀ · input: the gradient of a matrix that took [n, inputs] to [n, outputs].</summary>
    private static void MatrixGradient(float* output, int outputs, float* input, int inputs, int n, float* place) =>
        Blas.Multiply(true, false, outputs, inputs, n, 1, output, outputs, input, inputs, 1, place, inputs);

    private void NormGradient(float* input, float* inverse, float* gradient, float* scale, int n, float* place)
    {
        int parts = (_hidden + 63) / 64;
        HostThreads.Each(parts, (long)n * _hidden, part =>
        {
            int first = part * 64, width = Math.Min(64, _hidden - first);
            RmsNorm.WeightGradient(input + first, _hidden, inverse, gradient + first, _hidden, scale, 1, place + first, n, width);
        });
    }

    /// <summary>Rows times their scales, in the arena; the rows themselves without scales.</summary>
    private float* Scaled(float* rowsOf, float* scale, int firstRow, int rows, int width)
    {
        if (scale is null) { return rowsOf; }
        float* scaled = Arena.Take((long)rows * width);
        Elementwise.ScaleRows(rowsOf, width, scale + firstRow, scaled, width, rows, width);
        return scaled;
    }
}
