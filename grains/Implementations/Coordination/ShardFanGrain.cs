using System.Buffers;
using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Placement;

namespace Ctwa.Grains.Coordination;

/// <summary>Passes batches on to the shards beside it; see <see cref="ShardFan"/> for the other end.</summary>
[Orleans.Concurrency.Reentrant, Pinned]
public sealed class ShardFanGrain(IEnumerable<IShardDesk> desks) : Grain, IShardFanGrain
{
    private readonly IShardDesk? _desk = desks.LastOrDefault();
    private readonly Dictionary<int, IRolloutShardGrain> _shards = [];

    private string JobId => GrainKeys.Parse(this.GetPrimaryKeyString()).JobId;

    /// <inheritdoc/>
    // The call's end is not the work's: shards get a token that never ends, which also costs no message.
    public Task Start(ImmutableArray<ShardAssignment> works, CancellationToken cancellationToken)
    {
        string jobId = JobId;
        return Task.WhenAll(works.Select(one => _desk is null ? Shard(one.Shard).Start(one.Work, CancellationToken.None) : _desk.Start(jobId, one.Shard, one.Work)));
    }

    /// <inheritdoc/>
    public async Task<ShardAnswers> Poll(string key, ImmutableArray<int> shards, CancellationToken cancellationToken)
    {
        // All are asked before one is waited for; each answers within two seconds (invariant I8).
        string jobId = JobId;
        ValueTask<ShardReport>[] asked = [.. shards.Select(shard => _desk is null ? new ValueTask<ShardReport>(Shard(shard).Poll(key, CancellationToken.None)) : _desk.Poll(jobId, shard, key))];
        var reports = new ShardReport[asked.Length];
        for (int i = 0; i < asked.Length; i++) { reports[i] = await asked[i]; }
        var packed = new ArrayBufferWriter<byte>(4096);
        var others = ImmutableArray.CreateBuilder<ShardAnswer>();
        int bytes = 0;
        for (int i = 0; i < reports.Length; i++)
        {
            bytes += MessageSizes.Of(reports[i]);
            if (bytes > MessageSizes.Batch && i > 0) { break; }
            if (reports[i].Result is not { } result || !ShardResultPack.TryWrite(packed, shards[i], result)) { others.Add(new ShardAnswer(shards[i], reports[i])); }
        }

        return new ShardAnswers(packed.WrittenSpan.ToArray(), others.ToImmutable());
    }

    private IRolloutShardGrain Shard(int shard)
    {
        if (_shards.TryGetValue(shard, out var known)) { return known; }
        string self = this.GetPrimaryKeyString();
        string silo = GrainKeys.SiloOf(self) ?? throw new InvalidOperationException($"the key '{self}' names no silo.");
        return _shards[shard] = GrainFactory.GetGrain<IRolloutShardGrain>(GrainKeys.Of(JobId, shard, silo));
    }
}
