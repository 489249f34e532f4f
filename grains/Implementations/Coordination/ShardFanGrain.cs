using System.Buffers;
using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Placement;
using Ctwa.Grains.Rollouts;

namespace Ctwa.Grains.Coordination;

/// <summary>The shards of its silo, all at one address; see <see cref="ShardFan"/> for the other end.</summary>
[Orleans.Concurrency.Reentrant, Pinned]
public sealed class ShardFanGrain(IShardStations stations) : Grain, IShardFanGrain
{
    private readonly Dictionary<int, IShardStation> _shards = [];

    /// <inheritdoc/>
    public Task<ShardAnswers> Run(ImmutableArray<ShardAssignment> works, CancellationToken cancellationToken)
    {
        foreach (var (shard, work) in works) { Shard(shard).Start(work); }
        return Poll(works[0].Work.Key, [.. works.Select(one => one.Shard)], cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<ShardAnswers> Poll(string key, ImmutableArray<int> shards, CancellationToken cancellationToken)
    {
        // All are asked before one is waited for; each answers within two seconds (invariant I8).
        ValueTask<ShardReport>[] asked = [.. shards.Select(shard => Shard(shard).PollAsync(key, cancellationToken))];
        var reports = new ShardReport[asked.Length];
        for (int i = 0; i < asked.Length; i++) { reports[i] = await asked[i]; }
        var packed = new ArrayBufferWriter<byte>(4096);
        var others = ImmutableArray.CreateBuilder<ShardAnswer>();
        int bytes = 0;
        for (int i = 0; i < reports.Length; i++)
        {
            int size = MessageSizes.Of(reports[i]);
            if (i > 0 && packed.WrittenCount + bytes + size > MessageSizes.Answer) { break; }
            if (reports[i].Result is { } result && ShardResultPack.TryWrite(packed, shards[i], result)) { continue; }
            others.Add(new ShardAnswer(shards[i], reports[i]));
            bytes += size;
        }

        return new ShardAnswers(packed.WrittenSpan.ToArray(), others.ToImmutable());
    }

    private IShardStation Shard(int shard)
    {
        if (_shards.TryGetValue(shard, out var known)) { return known; }
        return _shards[shard] = stations.Open(GrainFactory, GrainKeys.Parse(this.GetPrimaryKeyString()).JobId, shard);
    }
}
