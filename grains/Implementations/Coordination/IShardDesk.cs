using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Coordination;

/// <summary>How a <see cref="ShardFanGrain"/> reaches the shards of its silo. A silo without one in its services: by a grain call each.</summary>
public interface IShardDesk
{
    /// <summary>Like <see cref="IRolloutShardGrain.Start"/> of a shard on this silo.</summary>
    Task Start(string jobId, int shard, ShardWork work);

    /// <summary>Like <see cref="IRolloutShardGrain.Poll"/>; already completed where the answer is known.</summary>
    ValueTask<ShardReport> Poll(string jobId, int shard, string key);
}
