using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>The reward of one objective of a job, keyed <c>job/objective</c>.</summary>
[Alias("ctwa.IRewardModelGrain")]
public interface IRewardModelGrain : IGrainWithStringKey
{
    /// <summary>Scores completions; failures, time-outs included, are part of the answer and never an exception. Batches are at most 64 KB.</summary>
    [Alias("Score"), ResponseTimeout("00:06:00")] // An objective's time limit may be up to five minutes.
    Task<ScoreColumnMessage> Score(ScoreBatch batch, CancellationToken cancellationToken);
}

/// <summary>Completions as a reward sees them.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ScoreBatch")]
public sealed record ScoreBatch(
    [property: Id(0)] ImmutableArray<ScoreItem> Items,
    [property: Id(1)] double ReferenceLength);

/// <summary>One completion.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ScoreItem")]
public sealed record ScoreItem(
    [property: Id(0)] string Prompt,
    [property: Id(1)] string Response,
    [property: Id(2)] int ResponseTokens,
    [property: Id(3)] string GroundTruth);
