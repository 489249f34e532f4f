using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Ctwa.Training.Kernels.VectorMath;

namespace Ctwa.Training.Kernels;

/// <summary>
/// Causal attention of one sequence and one head of keys, softmax and all, in memory that stays in the cache: no matrix of [T, T] is kept for the backward pass, which
/// computes the probabilities again from the logarithm of their sum (as in FlashAttention, arXiv 2205.14135). Letters: T tokens, D head size (a multiple of 8), G query
/// heads per key head. Queries, keys and values lie in one matrix of rows of <c>stride</c>.
/// </summary>
internal static unsafe class CausalAttention
{
    /// <summary>Queries taken at once.</summary>
    private const int Rows = 16;

    /// <summary>Scratch elements that <see cref="Forward"/> needs.</summary>
    public static long ForwardScratch(int length, int size) => (((long)size + Rows) * Padded(length)) + ((long)length * size);

    /// <summary>Scratch elements that <see cref="Backward"/> needs.</summary>
    public static long BackwardScratch(int length, int size) => (((2L * size) + (2 * Rows)) * Padded(length)) + (3L * length * size);

    /// <param name="queries">First query of the group, [T, stride]; the G heads lie one after the other.</param>
    /// <param name="keys">[T, stride].</param>
    /// <param name="values">[T, stride].</param>
    /// <param name="output">Of the group's first head, [T, outputStride].</param>
    /// <param name="logSums">Receives the logarithm of each softmax's sum: head g of token t at t · <paramref name="logSumStride"/> + g; null: not wanted.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward(float* queries, float* keys, float* values, int stride, float* output, int outputStride, float* logSums, int logSumStride, int length, int size, int group, float* scratch)
    {
        long padded = Padded(length);
        float* transposed = scratch, scores = scratch + (size * padded), gathered = scores + (Rows * padded);
        Transpose(keys, stride, transposed, padded, length, size);
        Gather(values, stride, gathered, length, size);
        float scale = 1 / MathF.Sqrt(size);
        for (int head = 0; head < group; head++)
        {
            for (int first = 0; first < length; first += Rows)
            {
                int rows = Math.Min(Rows, length - first), seen = first + rows;
                float* q = queries + ((long)first * stride) + (head * size);
                SmallProduct.Multiply(q, stride, 1, transposed, padded, scores, padded, rows, seen, size, scale, add: false);
                for (int row = 0; row < rows; row++)
                {
                    float logSum = Softmax(scores + (row * padded), first + row + 1, seen);
                    if (logSums is not null) { logSums[((long)(first + row) * logSumStride) + head] = logSum; }
                }

                SmallProduct.Multiply(scores, padded, 1, gathered, size, output + ((long)first * outputStride) + (head * size), outputStride, rows, size, seen, 1, add: false);
            }
        }
    }

    /// <summary>Gradients of queries, keys and values.</summary>
    /// <param name="output">What <see cref="Forward"/> gave.</param>
    /// <param name="outputGradient">Its gradient, laid out alike.</param>
    /// <param name="queryGradients">Receive the gradients, laid out like queries, keys and values, with the same stride.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(
        float* queries, float* keys, float* values, int stride, float* output, float* outputGradient, int outputStride, float* logSums, int logSumStride,
        float* queryGradients, float* keyGradients, float* valueGradients, int length, int size, int group, float* scratch)
    {
        long padded = Padded(length);
        float* keysT = scratch, valuesT = keysT + (size * padded), p = valuesT + (size * padded), ds = p + (Rows * padded);
        float* dk = ds + (Rows * padded), dv = dk + ((long)length * size), gathered = dv + ((long)length * size);
        new Span<float>(dk, checked(2 * length * size)).Clear();
        Transpose(keys, stride, keysT, padded, length, size);
        Transpose(values, stride, valuesT, padded, length, size);
        Gather(keys, stride, gathered, length, size);
        float scale = 1 / MathF.Sqrt(size);
        for (int head = 0; head < group; head++)
        {
            for (int first = 0; first < length; first += Rows)
            {
                int rows = Math.Min(Rows, length - first), seen = first + rows;
                float* q = queries + ((long)first * stride) + (head * size);
                float* o = output + ((long)first * outputStride) + (head * size), dO = outputGradient + ((long)first * outputStride) + (head * size);
                SmallProduct.Multiply(q, stride, 1, keysT, padded, p, padded, rows, seen, size, scale, add: false);
                SmallProduct.Multiply(dO, outputStride, 1, valuesT, padded, ds, padded, rows, seen, size, 1, add: false);
                for (int row = 0; row < rows; row++)
                {
                    Vector256<float> sum = default;
                    for (int i = 0; i < size; i += 8) { sum = MultiplyAdd(Vector256.Load(o + ((long)row * outputStride) + i), Vector256.Load(dO + ((long)row * outputStride) + i), sum); }
                    ScoreGradient(p + (row * padded), ds + (row * padded), logSums[((long)(first + row) * logSumStride) + head], Sum(sum), scale, first + row + 1, seen);
                }

                SmallProduct.Multiply(ds, padded, 1, gathered, size, queryGradients + ((long)first * stride) + (head * size), stride, rows, size, seen, 1, add: false);
                SmallProduct.Multiply(ds, 1, padded, q, stride, dk, size, seen, size, rows, 1, add: true);
                SmallProduct.Multiply(p, 1, padded, dO, outputStride, dv, size, seen, size, rows, 1, add: true);
            }
        }

        for (int t = 0; t < length; t++)
        {
            new ReadOnlySpan<float>(dk + ((long)t * size), size).CopyTo(new Span<float>(keyGradients + ((long)t * stride), size));
            new ReadOnlySpan<float>(dv + ((long)t * size), size).CopyTo(new Span<float>(valueGradients + ((long)t * stride), size));
        }
    }

    /// <summary>Attention of the newest token of one row over keys of its prompt, which rows share, and keys of its own; both as <see cref="StoreKey"/> lays them out.</summary>
    /// <param name="queries">G heads one after the other.</param>
    /// <param name="promptValues">[promptLength, D].</param>
    /// <param name="ownValues">[ownLength, D].</param>
    /// <param name="output">G heads.</param>
    /// <param name="scratch">G · (padded prompt + padded own) elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode(float* queries, float* promptKeys, float* promptValues, int promptLength, float* ownKeys, float* ownValues, int ownLength, float* output, int size, int group, float* scratch)
    {
        long head = Padded(promptLength), row = head + Padded(ownLength);
        ScoreBlocks(queries, promptKeys, promptLength, scratch, row, size, group);
        ScoreBlocks(queries, ownKeys, ownLength, scratch + head, row, size, group);
        for (int g = 0; g < group; g++)
        {
            float* prompt = scratch + (g * row), own = prompt + head;
            float max = Math.Max(Largest(prompt, promptLength), Largest(own, ownLength));
            float sum = Exponentials(prompt, promptLength, max) + Exponentials(own, ownLength, max);
            Times(prompt, promptLength, 1 / sum);
            Times(own, ownLength, 1 / sum);
        }

        SmallProduct.Multiply(scratch, row, 1, promptValues, size, output, size, group, size, promptLength, 1, add: false);
        if (ownLength > 0) { SmallProduct.Multiply(scratch + head, row, 1, ownValues, size, output, size, group, size, ownLength, 1, add: true); }
    }

    /// <summary>Elements of a cache of keys: blocks of 16 tokens, in each of them the tokens' first element side by side, then their second, ...</summary>
    public static long KeyCacheLength(int tokens, int size) => ((tokens + 15L) / 16) * 16 * size;

    /// <summary>Puts a token's key [D] into a cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StoreKey(float* key, float* cache, int token, int size)
    {
        float* to = cache + ((token / 16) * 16L * size) + (token % 16);
        for (int d = 0; d < size; d++) { to[16L * d] = key[d]; }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreBlocks(float* queries, float* keys, int length, float* scores, long row, int size, int group)
    {
        float scale = 1 / MathF.Sqrt(size);
        for (int first = 0; first < length; first += 16) { SmallProduct.Multiply(queries, size, 1, keys + ((long)first * size), 16, scores + first, row, group, 16, size, scale, add: false); }
    }

    /// <summary>A length rounded up so that vectors may run over the end, to an odd number of cache lines: columns then spread over all sets of the cache.</summary>
    public static long Padded(int length) => (((length + 15L) / 16) | 1) * 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gather(float* rows, int stride, float* gathered, int length, int size)
    {
        for (int t = 0; t < length; t++) { new ReadOnlySpan<float>(rows + ((long)t * stride), size).CopyTo(new Span<float>(gathered + ((long)t * size), size)); }
    }

    /// <summary>Rows into columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(float* rows, int stride, float* columns, long columnStride, int length, int size)
    {
        for (int d = 0; d < size; d++)
        {
            float* to = columns + (d * columnStride);
            for (int t = 0; t < length; t++) { to[t] = rows[((long)t * stride) + d]; }
            for (long t = length; t < columnStride; t++) { to[t] = 0; }
        }
    }

    /// <summary>Softmax of the first <paramref name="open"/> scores; the rest up to <paramref name="end"/> become 0.</summary>
    /// <returns>The logarithm of the sum of exponentials.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Softmax(float* scores, int open, int end)
    {
        float max = Largest(scores, open), sum = Exponentials(scores, open, max);
        Times(scores, open, 1 / sum);
        for (int i = open; i < end; i++) { scores[i] = 0; }
        return max + MathF.Log(sum);
    }

    /// <summary>Replaces x by e^(x − max); gives the sum. Elements behind the end, up to a whole vector, are overwritten.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Exponentials(float* values, int count, float max)
    {
        Vector256<float> sum = default;
        var offset = Vector256.Create(max);
        int i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var e = Exp(Vector256.Load(values + i) - offset);
            e.Store(values + i);
            sum += e;
        }

        float rest = 0;
        if (i < count)
        {
            Exp(Vector256.Load(values + i) - offset).Store(values + i);
            for (; i < count; i++) { rest += values[i]; }
        }

        return Sum(sum) + rest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Times(float* values, int count, float factor)
    {
        var vector = Vector256.Create(factor);
        int i = 0;
        for (; i + 8 <= count; i += 8) { (Vector256.Load(values + i) * vector).Store(values + i); }
        for (; i < count; i++) { values[i] *= factor; }
    }

    /// <summary>Scores to probabilities, and gradients of probabilities to gradients of unscaled scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreGradient(float* p, float* ds, float logSum, float delta, float scale, int open, int end)
    {
        var (offset, mean, factor) = (Vector256.Create(logSum), Vector256.Create(delta), Vector256.Create(scale));
        int vectors = (open + 7) & ~7;
        for (int i = 0; i < vectors; i += 8)
        {
            var probability = Exp(Vector256.Load(p + i) - offset);
            probability.Store(p + i);
            (probability * (Vector256.Load(ds + i) - mean) * factor).Store(ds + i);
        }

        for (int i = open; i < Math.Max(end, vectors); i++) { p[i] = ds[i] = 0; }
    }
}
