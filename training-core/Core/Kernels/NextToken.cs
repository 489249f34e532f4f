using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Ctwa.Training.Kernels.VectorMath;

namespace Ctwa.Training.Kernels;

/// <summary>
/// Distributions of the next token from rows of logits: log-probabilities and entropies as scoring and training see them, their gradients, and draws. Sums of
/// exponentials are added in float32 within 64 elements and in float64 beyond.
/// </summary>
internal static unsafe class NextToken
{
    private const int Block = 64;

    /// <summary>One row's normalisation.</summary>
    /// <param name="LogSum">ln Σ e^z, z being logits ÷ temperature: log p = z − LogSum.</param>
    /// <param name="Entropy">In nats; 0 if not asked for.</param>
    public readonly record struct Normalisation(float LogSum, float Entropy);

    /// <param name="logits">One row.</param>
    /// <param name="inverseTemperature">1 / T.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Normalisation Measure(float* logits, int count, float inverseTemperature, bool withEntropy)
    {
        float max = Largest(logits, count) * inverseTemperature;
        double sum = 0, weighted = 0;
        for (int first = 0; first < count; first += Block)
        {
            int end = Math.Min(first + Block, count), i = first;
            Vector256<float> total = default, products = default;
            for (; i + 8 <= end; i += 8)
            {
                var shifted = MultiplyAdd(Vector256.Load(logits + i), Vector256.Create(inverseTemperature), Vector256.Create(-max));
                var e = Exp(shifted);
                total += e;
                products = MultiplyAdd(e, shifted, products);
            }

            sum += Sum(total);
            weighted += Sum(products);
            for (; i < end; i++)
            {
                float shifted = MathF.FusedMultiplyAdd(logits[i], inverseTemperature, -max), e = Exp(shifted);
                sum += e;
                weighted += e * (double)shifted;
            }
        }

        double log = Math.Log(sum);
        return new((float)(max + log), withEntropy ? (float)(log - (weighted / sum)) : 0);
    }

    /// <summary>log p of a token.</summary>
    public static float LogProbability(float* logits, int token, float inverseTemperature, in Normalisation row) => (logits[token] * inverseTemperature) - row.LogSum;

    /// <summary>Replaces logits by the gradient of a · log p(token) + b · entropy.</summary>
    /// <param name="ofLogProbability">a.</param>
    /// <param name="ofEntropy">b.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(float* logits, int count, int token, float inverseTemperature, in Normalisation row, float ofLogProbability, float ofEntropy)
    {
        var (scale, offset) = (Vector256.Create(inverseTemperature), Vector256.Create(-row.LogSum));
        float a = ofLogProbability * inverseTemperature, b = ofEntropy * inverseTemperature;
        var (first, second, entropy) = (Vector256.Create(-a), Vector256.Create(-b), Vector256.Create(row.Entropy));
        int i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var log = MultiplyAdd(Vector256.Load(logits + i), scale, offset);
            (Exp(log) * (ofEntropy == 0 ? first : MultiplyAdd(second, log + entropy, first))).Store(logits + i);
        }

        for (; i < count; i++)
        {
            float log = MathF.FusedMultiplyAdd(logits[i], inverseTemperature, -row.LogSum);
            logits[i] = Exp(log) * (ofEntropy == 0 ? -a : MathF.FusedMultiplyAdd(-b, log + row.Entropy, -a));
        }

        logits[token] += a;
    }

    /// <summary>The token at which the cumulative distribution passes a number; overwrites the row by unnormalised probabilities.</summary>
    /// <param name="uniform">In [0, 1).</param>
    /// <param name="blocks">Scratch: one number per 64 logits.</param>
    /// <returns>The token, and its log-probability as <see cref="Measure"/> gives it.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (int Token, float LogProbability) Draw(float* logits, int count, float inverseTemperature, double uniform, double* blocks)
    {
        float max = Largest(logits, count) * inverseTemperature;
        double sum = 0;
        for (int first = 0, block = 0; first < count; first += Block, block++)
        {
            int end = Math.Min(first + Block, count), i = first;
            Vector256<float> total = default;
            for (; i + 8 <= end; i += 8)
            {
                var e = Exp(MultiplyAdd(Vector256.Load(logits + i), Vector256.Create(inverseTemperature), Vector256.Create(-max)));
                e.Store(logits + i);
                total += e;
            }

            double own = Sum(total);
            for (; i < end; i++)
            {
                logits[i] = Exp(MathF.FusedMultiplyAdd(logits[i], inverseTemperature, -max));
                own += logits[i];
            }

            blocks[block] = own;
            sum += own;
        }

        double threshold = uniform * sum, cumulative = 0;
        int last = (count - 1) / Block, at = 0;
        while (at < last && cumulative + blocks[at] <= threshold) { cumulative += blocks[at++]; }
        int token = -1;
        for (int i = at * Block; i < Math.Min((at + 1) * Block, count); i++)
        {
            if (logits[i] > 0) { token = i; }
            cumulative += logits[i];
            if (cumulative > threshold) { break; }
        }

        // A row that is not finite has no distribution; training finds that out.
        if (token < 0) { token = count - 1; }
        return (token, (float)(Math.Log(logits[token]) - Math.Log(sum)));
    }

    /// <summary>The likeliest token, the first of equals.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Likeliest(float* logits, int count)
    {
        int best = 0;
        for (int i = 1; i < count; i++)
        {
            if (logits[i] > logits[best]) { best = i; }
        }

        return best;
    }
}
