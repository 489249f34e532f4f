using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Coordination;

/// <summary>How large messages get on the wire, estimated from their counts without writing them; on the high side.</summary>
internal static class MessageSizes
{
    /// <summary>What a batch of messages may hold: below the 64 KB of a message (invariant I8), with room for what is around it.</summary>
    public const int Batch = 48 * 1024;

    /// <summary>What an answer for a batch may hold: most of it is packed, and known to the byte.</summary>
    public const int Answer = 56 * 1024;

    // Header and value of a field.
    private const int Number = 9;
    private const int Small = 4;
    private const int Record = 64;

    public static int Of(ShardWork work) => Record + (2 * work.Key.Length) + work switch
    {
        GenerateWork generate => Record + (Small * generate.Prompts.Length) + (Number * generate.DatasetIndices.Length),
        EstimateTokensWork estimate => ((Number + Number) * estimate.Rewards.Sum(one => one.Length)) + (Small * estimate.Valid.Length),
        PolicyWork policy => (Record * 2) + policy.Advantages.Sum(one => Record + ((Number + (2 * Small)) * one.Value.Length) + (Number * one.Streams.Length)),
        MeasureWork measure => Number * measure.Signal.Length,
        _ => Record,
    };

    public static int Of(ShardReport report) => Record + (2 * (report.Error?.Length ?? 0)) + report.Result switch
    {
        GenerateResult generate => (Number + (2 * Small)) * generate.Lengths.Length,
        ScoreResult score => Of(score.Columns),
        UpdateResult update => (12 * Number) + (Number * update.ObjectiveLosses.Length),
        MeasureTokensResult tokens => Number * tokens.Divergence.Length,
        EstimateTokensResult estimate => estimate.Streams.Sum(stream => Record + (Number * stream.Means.Length)),
        MeasureResult measure => ((3 * Number) + Small) * measure.Clipped.Length,
        null => 0,
        _ => Record,
    };

    public static int Of(ShardAnswers answers) => answers.Packed.Length + answers.Others.Sum(other => Of(other.Report));

    // Asked for every shard of thousands, so by loops.
    private static int Of(ImmutableArray<ScoreColumnMessage> columns)
    {
        int size = 0;
        foreach (var column in columns)
        {
            size += Record + ((Number + (3 * Small)) * column.Scores.Length);
            foreach (string? failure in column.Failures) { size += failure is null ? 0 : 2 * failure.Length; }
        }

        return size;
    }
}
