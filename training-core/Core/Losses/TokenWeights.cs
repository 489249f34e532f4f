using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>Size of one optimizer update over all its shards; dropped responses are not part of it, empty ones are.</summary>
/// <param name="Tokens">Response tokens.</param>
/// <param name="Sequences">Responses.</param>
public readonly record struct UpdateCounts(long Tokens, long Sequences)
{
    /// <summary>Counts the responses of an update.</summary>
    /// <param name="lengths">Response lengths in tokens.</param>
    /// <param name="valid">False for dropped responses.</param>
    public static UpdateCounts Of(ReadOnlySpan<int> lengths, ReadOnlySpan<bool> valid)
    {
        long tokens = 0, sequences = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            if (!valid[i]) { continue; }
            tokens += lengths[i];
            sequences++;
        }

        return new(tokens, sequences);
    }
}

/// <summary>
/// How token losses become one number, as a weight per token: loss = Σ weight · token loss. The weights come from the
/// counts of the whole update, so the sum over any micro-batches and shards is the loss of one large batch; nothing is
/// ever averaged per micro-batch.
/// </summary>
public static class TokenWeights
{
    /// <summary>Weight of each token of a response. An empty response has no token and so adds 0.</summary>
    /// <param name="counts">Of the whole update, not of the shard.</param>
    /// <param name="length">Tokens of the response.</param>
    /// <param name="constantLength">What sequence_mean_token_sum_norm divides by (<see cref="LossSpec.LengthConstant"/>); no other reads it.</param>
    public static double PerToken(LossAggregation aggregation, UpdateCounts counts, long length, int constantLength = 0) => aggregation switch
    {
        _ when length <= 0 => 0,
        LossAggregation.TokenMean => 1.0 / counts.Tokens,
        LossAggregation.SequenceMeanTokenSum => 1.0 / counts.Sequences,
        LossAggregation.SequenceMeanTokenMean => 1.0 / ((double)counts.Sequences * length),
        LossAggregation.SequenceMeanTokenSumNorm when constantLength < 1 => throw new ArgumentOutOfRangeException(nameof(constantLength), constantLength, "sequence_mean_token_sum_norm divides by a constant length of at least 1."),
        LossAggregation.SequenceMeanTokenSumNorm => 1.0 / ((double)counts.Sequences * constantLength),
        _ => throw new ArgumentOutOfRangeException(
            nameof(aggregation), aggregation, "loss.aggregation must be token_mean, sequence_mean_token_sum, sequence_mean_token_mean or sequence_mean_token_sum_norm."),
    };

    /// <summary>Writes the weights of one padded row: <see cref="PerToken"/> on the response's tokens, 0 behind them and throughout a dropped response.</summary>
    public static void FillRow(LossAggregation aggregation, UpdateCounts counts, int length, bool valid, Span<float> row, int constantLength = 0)
    {
        row.Clear();
        if (valid) { row[..length].Fill((float)PerToken(aggregation, counts, length, constantLength)); }
    }

    /// <summary>Weights of a batch given by a mask, which may have holes.</summary>
    /// <param name="mask">0/1, floating point, shape [B, T].</param>
    /// <returns>Shape [B, T], in the mask's type and on its device.</returns>
    public static Tensor OfMask(LossAggregation aggregation, UpdateCounts counts, Tensor mask, int constantLength = 0)
    {
        using var scope = NewDisposeScope();
        Tensor lengths = mask.sum(dim: 1).to(ScalarType.Float64).cpu();
        double[] perRow = new double[mask.shape[0]];
        for (int i = 0; i < perRow.Length; i++) { perRow[i] = PerToken(aggregation, counts, (long)lengths[i].ToDouble(), constantLength); }
        return (tensor(perRow, dtype: mask.dtype, device: mask.device).unsqueeze(1) * mask).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Factors of truncated importance sampling: the probability of a token under the policy before the update as the trainer
    /// computes it, over that of the sampler, at most <paramref name="cap"/>. They correct what the two compute differently.
    /// </summary>
    public static Tensor Importance(Tensor logProbabilities, Tensor samplerLogProbabilities, double cap)
    {
        using var scope = NewDisposeScope();
        return (logProbabilities - samplerLogProbabilities).exp().clamp(max: Scalars.Of(cap)).MoveToOuterDisposeScope();
    }

    /// <summary>Σ weight · value as a differentiable scalar; values at weight 0 do not count, not even if they are NaN.</summary>
    public static Tensor WeightedSum(Tensor values, Tensor weights)
    {
        using var scope = NewDisposeScope();
        return (values.masked_fill(weights.eq(Scalars.Of(0)), Scalars.Of(0)) * weights).sum().MoveToOuterDisposeScope();
    }
}
