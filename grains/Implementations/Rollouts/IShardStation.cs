using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Rollouts;

/// <summary>Where a shard's work is done. Used on the turns of one grain.</summary>
public interface IShardStation
{
    /// <summary>Like <see cref="IRolloutShardGrain.Start"/>.</summary>
    void Start(ShardWork work);

    /// <summary>Like <see cref="IRolloutShardGrain.Poll"/>; already completed where the answer is known.</summary>
    ValueTask<ShardReport> PollAsync(string key, CancellationToken cancellationToken);
}

/// <summary>Makes the stations of a silo's shards.</summary>
public interface IShardStations
{
    /// <summary>A station that remembers nothing yet.</summary>
    /// <param name="grains">Of the grain that uses it.</param>
    /// <param name="jobId">Job.</param>
    /// <param name="shard">Number of the shard.</param>
    IShardStation Open(IGrainFactory grains, string jobId, int shard);
}

/// <summary>Stations that compute.</summary>
internal sealed class ShardStations(Compute.JobHosts hosts) : IShardStations
{
    /// <inheritdoc/>
    public IShardStation Open(IGrainFactory grains, string jobId, int shard) => new ShardStation(hosts, grains, jobId, shard);
}
