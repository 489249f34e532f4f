using System.Text.Json;
using Ctwa.Training.Losses;
using Ctwa.Training.Specification;
using TorchSharp;

namespace Ctwa.Training.Tests.Losses;

/// <summary>What golden cases of aggregated losses have in common.</summary>
internal static class LossCase
{
    /// <summary>The aggregation of a case.</summary>
    public static LossAggregation Aggregation(JsonElement inputs) => inputs.GetProperty("loss_agg_mode").GetString() switch
    {
        "token-mean" => LossAggregation.TokenMean,
        "seq-mean-token-sum" => LossAggregation.SequenceMeanTokenSum,
        "seq-mean-token-mean" => LossAggregation.SequenceMeanTokenMean,
        "seq-mean-token-sum-norm" => LossAggregation.SequenceMeanTokenSumNorm,
        var other => throw new NotSupportedException($"no test for the aggregation {other}."),
    };

    /// <summary>
    /// Weights of a case. The reference counts every row, also an empty one; its seq-mean-token-sum-norm divides by the padded
    /// width and not by the number of rows.
    /// </summary>
    public static Tensor Weights(LossAggregation aggregation, Tensor mask) =>
        TokenWeights.OfMask(aggregation, new UpdateCounts(Counts(mask).Tokens, aggregation == LossAggregation.SequenceMeanTokenSumNorm ? 1 : mask.shape[0]), mask, (int)mask.shape[1]);

    public static UpdateCounts Counts(Tensor mask) => new((long)mask.sum().ToDouble(), mask.shape[0]);

    /// <summary>The reference divides token means by n + 1e-8, this build by n: the factor between them.</summary>
    public static double ReferenceDivisor(LossAggregation aggregation, UpdateCounts counts) =>
        aggregation == LossAggregation.TokenMean ? counts.Tokens / (counts.Tokens + 1e-8) : 1;
}
