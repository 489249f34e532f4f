using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>
/// A source of scores of a job, keyed <c>job/source</c>: the reward of one objective, or a reward model that several share.
/// Graders may be slow, so scoring is started by one call and its end asked for by another (invariant I8).
/// </summary>
[Alias("ctwa.IRewardModelGrain")]
public interface IRewardModelGrain : IGrainWithStringKey
{
    /// <summary>Starts scoring completions, unless this batch runs or is done already, and waits up to two seconds for it, as <see cref="Poll"/> does. Batches are at most 64 KB.</summary>
    /// <param name="key">Identity of the batch: asked for twice, it is scored once.</param>
    /// <param name="batch">Completions.</param>
    /// <param name="cancellationToken">Ends the call, not the scoring.</param>
    [Alias("Start")]
    Task<ScoreReport> Start(string key, ScoreBatch batch, CancellationToken cancellationToken);

    /// <summary>Waits up to two seconds for a batch. Failed completions, time-outs included, are part of the answer.</summary>
    [Alias("Poll")]
    Task<ScoreReport> Poll(string key, CancellationToken cancellationToken);
}

/// <summary>Where a batch stands.</summary>
/// <param name="Status">Of the scoring.</param>
/// <param name="Columns">When done: one column per objective of the source, in the job's order.</param>
/// <param name="Error">Present when it failed as a whole, which is a defect.</param>
[GenerateSerializer, Immutable, Alias("ctwa.ScoreReport")]
public sealed record ScoreReport([property: Id(0)] WorkStatus Status, [property: Id(1)] ImmutableArray<ScoreColumnMessage> Columns, [property: Id(2)] string? Error);

/// <summary>Completions as a reward sees them.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ScoreBatch")]
public sealed record ScoreBatch(
    [property: Id(0)] ImmutableArray<ScoreItem> Items,
    [property: Id(1)] double ReferenceLength)
{
    /// <summary>Of the coordinator (invariant I5).</summary>
    [Id(2)]
    public long Epoch { get; init; }
}

/// <summary>One completion.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ScoreItem")]
public sealed record ScoreItem(
    [property: Id(0)] string Prompt,
    [property: Id(1)] string Response,
    [property: Id(2)] int ResponseTokens,
    [property: Id(3)] string GroundTruth);
