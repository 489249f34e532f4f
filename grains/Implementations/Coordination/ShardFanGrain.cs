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

    // Used within a turn only.
    private readonly ArrayBufferWriter<byte> _packed = new(MessageSizes.Answer);

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
        return Compose(_packed, shards.AsSpan(), reports);
    }

    /// <summary>As many of the reports as an answer holds, the first at least.</summary>
    /// <param name="packed">Scratch memory.</param>
    /// <param name="shards">Shards that reported.</param>
    /// <param name="reports">Their reports.</param>
    internal static ShardAnswers Compose(ArrayBufferWriter<byte> packed, ReadOnlySpan<int> shards, ReadOnlySpan<ShardReport> reports)
    {
        packed.ResetWrittenCount();
        var others = ImmutableArray.CreateBuilder<ShardAnswer>();
        int packedBytes = 0, otherBytes = 0;
        for (int i = 0; i < reports.Length; i++)
        {
            bool isPacked = reports[i].Result is { } result && ShardResultPack.TryWrite(packed, shards[i], result);
            int size = isPacked ? packed.WrittenCount - packedBytes : MessageSizes.Of(reports[i]);
            if (i > 0 && packedBytes + otherBytes + size > MessageSizes.Answer) { break; }
            if (isPacked)
            {
                packedBytes += size;
                continue;
            }

            others.Add(new ShardAnswer(shards[i], reports[i]));
            otherBytes += size;
        }

        return new ShardAnswers(packed.WrittenSpan[..packedBytes].ToArray(), others.ToImmutable());
    }

    private IShardStation Shard(int shard)
    {
        if (_shards.TryGetValue(shard, out var known)) { return known; }
        return _shards[shard] = stations.Open(GrainFactory, GrainKeys.Parse(this.GetPrimaryKeyString()).JobId, shard);
    }
}
