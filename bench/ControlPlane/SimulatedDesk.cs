using System.Collections.Concurrent;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;

namespace Ctwa.Bench.ControlPlane;

/// <summary>Simulated shards without an activation each: what a silo would have whose shards are objects of its job.</summary>
internal sealed class SimulatedDesk : IShardDesk
{
    private readonly ConcurrentDictionary<int, (string Key, ShardReport Report)> _last = new();

    public Task Start(string jobId, int shard, ShardWork work)
    {
        if (!_last.TryGetValue(shard, out var last) || last.Key != work.Key) { _last[shard] = (work.Key, new ShardReport(WorkStatus.Done, SimulatedShardGrain.Answer(work, shard), null)); }
        return Task.CompletedTask;
    }

    public ValueTask<ShardReport> Poll(string jobId, int shard, string key) =>
        new(_last.TryGetValue(shard, out var last) && last.Key == key ? last.Report : new ShardReport(WorkStatus.Unknown, null, null));
}
