using System.Text.Json;
using Ctwa.Training.Losses;
using Ctwa.Training.Specification;
using TorchSharp;

namespace Ctwa.Training.Tests.Losses;

/// <summary>What golden cases of aggregated losses have in common.</summary>
internal static class LossCase
{
    /// <summary>The aggregation of a case, or null where this build does not have it.</summary>
    public static LossAggregation? Aggregation(JsonElement inputs) => inputs.GetProperty("loss_agg_mode").GetString() switch
    {
        "token-mean" => LossAggregation.TokenMean,
        "seq-mean-token-sum" => LossAggregation.SequenceMeanTokenSum,
        "seq-mean-token-mean" => LossAggregation.SequenceMeanTokenMean,
        "seq-mean-token-sum-norm" => null,
        var other => throw new NotSupportedException($"no test for the aggregation {other}."),
    };

    /// <summary>Counts of a case; the reference counts every row, also an empty one.</summary>
    public static UpdateCounts Counts(Tensor mask) => new((long)mask.sum().ToDouble(), mask.shape[0]);

    /// <summary>The reference divides token means by n + 1e-8, this build by n: the factor between them.</summary>
    public static double ReferenceDivisor(LossAggregation aggregation, UpdateCounts counts) =>
        aggregation == LossAggregation.TokenMean ? counts.Tokens / (counts.Tokens + 1e-8) : 1;
}
