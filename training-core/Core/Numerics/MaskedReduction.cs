using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Numerics;

/// <summary>
/// Sums, means and variances over the entries where a 0/1 mask is set. Values outside the mask never count, not even
/// if they are NaN or infinite. The arithmetic, the 1e-8 of the divisors included, is that of verl's
/// <c>torch_functional</c>, so that token-level estimators equal the reference.
/// </summary>
internal static class MaskedReduction
{
    private const double Floor = 1e-8;

    /// <summary>Masked sum over everything (scalar) or over <paramref name="dim"/>.</summary>
    /// <param name="values">Floating point, shape [B, T].</param>
    /// <param name="mask">0/1 in the type of <paramref name="values"/>, shape [B, T].</param>
    public static Tensor Sum(Tensor values, Tensor mask, long? dim = null)
    {
        using var scope = NewDisposeScope();
        Tensor kept = Inside(values, mask) * mask;
        return (dim is { } d ? kept.sum(dim: d) : kept.sum()).MoveToOuterDisposeScope();
    }

    /// <summary>Masked mean over everything (scalar) or over <paramref name="dim"/>; 0 where the mask is empty.</summary>
    public static Tensor Mean(Tensor values, Tensor mask, long? dim = null)
    {
        using var scope = NewDisposeScope();
        Tensor count = dim is { } d ? mask.sum(dim: d) : mask.sum();
        return (Sum(values, mask, dim) / count.Plus(Floor)).MoveToOuterDisposeScope();
    }

    /// <summary>Masked variance over everything (scalar).</summary>
    /// <param name="unbiased">Divide by n − 1; needs two entries. Otherwise divide by n.</param>
    /// <exception cref="ArgumentException">Unbiased, and the mask holds fewer than two entries.</exception>
    public static Tensor Variance(Tensor values, Tensor mask, bool unbiased = true)
    {
        using var scope = NewDisposeScope();
        Tensor centred = values - Mean(values, mask);
        Tensor variance = Mean(centred * centred, mask);
        if (unbiased)
        {
            double count = mask.sum().ToDouble();
            if (count < 2)
            {
                throw new ArgumentException($"the mask holds {count:0} entries; an unbiased variance needs at least 2.", nameof(mask));
            }

            variance = variance.Times(count / (count - 1));
        }

        return variance.MoveToOuterDisposeScope();
    }

    /// <summary>Values scaled to masked variance 1 and, if <paramref name="shiftMean"/>, masked mean 0. Entries outside the mask are transformed too.</summary>
    /// <exception cref="ArgumentException">The mask holds fewer than two entries.</exception>
    public static Tensor Whiten(Tensor values, Tensor mask, bool shiftMean = true)
    {
        using var scope = NewDisposeScope();
        Tensor mean = Mean(values, mask);
        Tensor whitened = (values - mean) * Variance(values, mask).Plus(Floor).rsqrt();
        return (shiftMean ? whitened : whitened.Plus(mean)).MoveToOuterDisposeScope();
    }

    /// <summary>Element-wise bounds; the lower one wins where they cross.</summary>
    public static Tensor ClipByValue(Tensor values, Tensor lower, Tensor upper)
    {
        using var scope = NewDisposeScope();
        return maximum(minimum(values, upper), lower).MoveToOuterDisposeScope();
    }

    /// <summary>1 up to and including the first stop token of each row, 0 after it.</summary>
    /// <param name="responseTokens">int64, shape [B, T].</param>
    /// <param name="stopTokens">Token ids that end a response.</param>
    /// <returns>int64, shape [B, T].</returns>
    public static Tensor ResponseMask(Tensor responseTokens, ReadOnlySpan<long> stopTokens)
    {
        using var scope = NewDisposeScope();
        Tensor stops = zeros_like(responseTokens);
        foreach (long stop in stopTokens) { stops = stops.Plus(responseTokens.eq(Scalars.Of(stop)).to(ScalarType.Int64)); }
        Tensor stopsBefore = stops.cumsum(1) - stops;
        return stopsBefore.eq(Scalars.Of(0)).to(ScalarType.Int64).MoveToOuterDisposeScope();
    }

    private static Tensor Inside(Tensor values, Tensor mask) => values.masked_fill(mask.eq(Scalars.Of(0)), Scalars.Of(0));
}
