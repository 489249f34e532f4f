using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Rollouts;

namespace Ctwa.Bench.ControlPlane;

/// <summary>Stations that remember like real ones and compute nothing.</summary>
internal sealed class SimulatedStations : IShardStations
{
    public IShardStation Open(IGrainFactory grains, string jobId, int shard) => new Station(shard);

    private sealed class Station(int shard) : IShardStation
    {
        private readonly WorkLedger<ShardResult> _work = new();

        public void Start(ShardWork work) => _work.Start(work.Key, () => Task.FromResult(SimulatedShardGrain.Answer(work, shard)));

        public async ValueTask<ShardReport> PollAsync(string key, CancellationToken cancellationToken)
        {
            var (status, result, error) = await _work.PollAsync(key, cancellationToken);
            return new ShardReport(status, result, error);
        }
    }
}
