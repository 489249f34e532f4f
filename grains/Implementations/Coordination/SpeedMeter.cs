using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Coordination;

/// <summary>
/// Shards per second of each silo, as the coordinator sees them: running means over the phases in which shards compute. Plans give
/// slower silos fewer shards; results do not know.
/// </summary>
internal sealed class SpeedMeter
{
    private const double Weight = 0.2;
    private const int Enough = 6;
    private const double WorthMoving = 0.8;

    private readonly Dictionary<string, (double Seconds, int Count)> _perShard = new(StringComparer.Ordinal);
    private int _phasesSincePlan;

    /// <summary>Speed of a silo that has not been measured, per lane.</summary>
    public double Typical => _perShard.Count == 0 ? 1 : _perShard.Values.Average(one => 1 / one.Seconds);

    /// <summary>Shards per second; null: not measured yet.</summary>
    public double? Of(string silo) => _perShard.TryGetValue(silo, out var measured) && measured.Count >= Enough ? 1 / measured.Seconds : null;

    /// <summary>The fastest silo of a plan but for one; null: there is no other.</summary>
    public string? Fastest(JobPlacement plan, string except) => plan.Members.Select(member => member.Silo).Where(silo => silo != except).OrderByDescending(silo => Of(silo) ?? Typical).FirstOrDefault();

    /// <summary>Takes in a phase in which every shard computed.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="seconds">When each shard was done, from the phase's start.</param>
    public void Add(JobPlacement plan, double[] seconds)
    {
        _phasesSincePlan++;
        for (int m = 0; m < plan.Members.Length; m++)
        {
            int count = 0;
            double last = 0;
            for (int shard = 0; shard < seconds.Length; shard++)
            {
                if (plan.ShardMembers[shard] != m) { continue; }
                count++;
                last = Math.Max(last, seconds[shard]);
            }

            if (count == 0 || last <= 0) { continue; }
            double now = last / count;
            string silo = plan.Members[m].Silo;
            _perShard[silo] = _perShard.TryGetValue(silo, out var before) ? (before.Seconds + (Weight * (now - before.Seconds)), before.Count + 1) : (now, 1);
        }
    }

    /// <summary>Whether a plan by measured speeds would be done in four fifths of the time of the present one. Asked seldom: moving costs a step's pause.</summary>
    public bool WouldGain(JobPlacement plan)
    {
        if (_phasesSincePlan < 10 * Enough || plan.Members.Length < 2 || plan.Members.Any(member => Of(member.Silo) is null)) { return false; }
        _phasesSincePlan = 0;
        double[] speeds = [.. plan.Members.Select(member => Of(member.Silo)!.Value)];
        var better = PlacementPlan.Make(plan.ShardMembers.Length, 0, plan.Members, speeds, [], mirror: false, plan.RewardSilo, plan.Generation);
        double Time(JobPlacement one) => Enumerable.Range(0, speeds.Length).Max(m => one.ShardMembers.Count(member => member == m) / speeds[m]);
        return Time(better) < WorthMoving * Time(plan);
    }
}
