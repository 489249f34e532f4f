using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>
/// All shards of a job on one silo at one address, pinned to it by its key (<c>job/−1|silo</c>): a coordinator with hundreds of shards
/// talks to a few of these in batches instead of to every shard.
/// </summary>
[Alias("ctwa.IShardFanGrain")]
public interface IShardFanGrain : IGrainWithStringKey
{
    /// <summary>
    /// Starts one piece of work per shard, like <see cref="IRolloutShardGrain.Start"/>, and then waits for it, like
    /// <see cref="Poll"/>. Asking again is harmless. Callers keep a batch below 64 KB.
    /// </summary>
    /// <param name="works">All with one key.</param>
    /// <param name="cancellationToken">Ends the call, not the work.</param>
    [Alias("Run")]
    Task<ShardAnswers> Run(ImmutableArray<ShardAssignment> works, CancellationToken cancellationToken);

    /// <summary>
    /// Waits up to two seconds for a piece of work of several shards. The answer is cut below 64 KB and may lack some of the shards:
    /// ask about those again.
    /// </summary>
    /// <param name="key">Identity of the work, the same on all of the shards.</param>
    /// <param name="shards">Shards of this silo.</param>
    /// <param name="cancellationToken">Ends the call, not the work.</param>
    [Alias("Poll")]
    Task<ShardAnswers> Poll(string key, ImmutableArray<int> shards, CancellationToken cancellationToken);
}

/// <summary>A piece of work and the shard that it is for.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ShardAssignment")]
public readonly record struct ShardAssignment([property: Id(0)] int Shard, [property: Id(1)] ShardWork Work);

/// <summary>Answers of some of a silo's shards.</summary>
/// <param name="Packed">Results of those that are done, of the kinds that are many: a block of bytes.</param>
/// <param name="Others">The other answers.</param>
[GenerateSerializer, Immutable, Alias("ctwa.ShardAnswers")]
public sealed record ShardAnswers([property: Id(0)] byte[] Packed, [property: Id(1)] ImmutableArray<ShardAnswer> Others);

/// <summary>Where a shard's piece of work stands.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ShardAnswer")]
public readonly record struct ShardAnswer([property: Id(0)] int Shard, [property: Id(1)] ShardReport Report);
