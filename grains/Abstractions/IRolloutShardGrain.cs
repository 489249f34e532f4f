using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>
/// One logical shard of a job, keyed <c>job/shard</c>: the address of its rollouts and gradients. The tensors belong to
/// a compute lane of the silo (invariant I9); work is started by one call and its end asked for by another, so that no
/// call is long (invariant I8).
/// </summary>
[Alias("ctwa.IRolloutShardGrain")]
public interface IRolloutShardGrain : IGrainWithStringKey
{
    /// <summary>Starts a piece of work, unless it runs or is done already, and waits up to two seconds for it, as <see cref="Poll"/> does.</summary>
    [Alias("Start")]
    Task<ShardReport> Start(ShardWork work, CancellationToken cancellationToken);

    /// <summary>Waits up to two seconds for a piece of work.</summary>
    [Alias("Poll")]
    Task<ShardReport> Poll(string key, CancellationToken cancellationToken);

    /// <summary>Texts of a rollout's completions whose prompt comes before <paramref name="prompts"/>; at most 64 KB.</summary>
    [Alias("Texts")]
    Task<ImmutableArray<CompletionTextMessage>> Texts(RolloutKey rollout, int prompts, CancellationToken cancellationToken);
}

/// <summary>A completion for people.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.CompletionTextMessage")]
public sealed record CompletionTextMessage(
    [property: Id(0)] int Prompt,
    [property: Id(1)] int Sample,
    [property: Id(2)] string PromptText,
    [property: Id(3)] string Response,
    [property: Id(4)] string GroundTruth);
