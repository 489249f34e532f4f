using System.Diagnostics;
using Ctwa.Grains;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Orleans.Runtime;

namespace Ctwa.Bench.ControlPlane;

/// <summary>Stands for a coordinator: gathers a step's phases from simulated shards on all silos.</summary>
[Alias("ctwa.bench.IControlPlaneGrain")]
internal interface IControlPlaneGrain : IGrainWithStringKey
{
    /// <summary>One step.</summary>
    /// <param name="step">Number of the step: work of another step is other work.</param>
    /// <param name="shards">Spread over all silos in contiguous ranges.</param>
    /// <param name="fan">One fan-out grain per silo, or a call per shard.</param>
    /// <returns>Milliseconds of each phase.</returns>
    [Alias("Step"), ResponseTimeout("00:02:00")]
    Task<double[]> Step(int step, int shards, bool fan);

    /// <summary>Silos that are members.</summary>
    [Alias("Members")]
    Task<int> Members();
}

/// <inheritdoc cref="IControlPlaneGrain"/>
[Orleans.Concurrency.Reentrant, KeepAlive]
internal sealed class ControlPlaneGrain(IClusterMembershipService membership) : Grain, IControlPlaneGrain
{
    private const string JobId = "simulated";
    private static readonly string[] s_phases = ["generate", "score", "accumulate"];

    public Task<int> Members() => Task.FromResult(ActiveSilos().Length);

    public async Task<double[]> Step(int step, int shards, bool fan)
    {
        string[] silos = ActiveSilos();
        string SiloOf(int shard) => silos[(int)((long)shard * silos.Length / shards)];
        double[] milliseconds = new double[s_phases.Length];
        for (int phase = 0; phase < s_phases.Length; phase++)
        {
            long start = Stopwatch.GetTimestamp();
            string key = FormattableString.Invariant($"{s_phases[phase]}/{step}");
            ShardWork[] works = [.. Enumerable.Range(0, shards).Select(shard => SimulatedShardGrain.Work(phase, step, shard, key))];
            var results = fan
                ? await new ShardFan(GrainFactory, JobId).RunAsync<ShardResult>(works, SiloOf, CancellationToken.None)
                : await Task.WhenAll(works.Select((work, shard) => DriveAsync(GrainFactory.GetGrain<IRolloutShardGrain>(GrainKeys.Of(JobId, shard, SiloOf(shard))), work)));
            milliseconds[phase] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            if (results.Any(result => result is null)) { throw new InvalidOperationException($"a shard did not answer to {key}."); }
        }

        return milliseconds;
    }

    private static Task<ShardResult> DriveAsync(IRolloutShardGrain shard, ShardWork work) => WorkDriver.DriveAsync(
        work.Key,
        () => shard.Start(work, CancellationToken.None),
        () => shard.Poll(work.Key, CancellationToken.None),
        report => (report.Status, report.Result, report.Error),
        CancellationToken.None);

    private string[] ActiveSilos() =>
        [.. membership.CurrentSnapshot.Members.Values.Where(member => member.Status == SiloStatus.Active).Select(member => member.SiloAddress.ToParsableString()).Order(StringComparer.Ordinal)];
}
