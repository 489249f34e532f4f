using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Ctwa.Training.Gradients;
using Ctwa.Training.Models;
using Ctwa.Training.Randomness;

namespace Ctwa.Bench.Simulate;

/// <summary>
/// Replays the calls and transfers of one step on N silos, with computing replaced by durations. Who holds what, which sums cross the network and how calls are
/// cut into batches is asked of the grid's own code (<see cref="PlacementPlan"/>, <see cref="CanonicalTreeSum"/>, <see cref="ShardFan"/>); the
/// order of calls and pulls is that of <c>GrainBackend</c> and <c>JobHost</c>. Left out: hashing, connections' set-up, the limit of connections, validation,
/// and whatever else machines do.
/// </summary>
internal sealed partial class StepSimulation
{
    // As in JobHost.
    private const int NodesAhead = 2;

    private readonly ScaleJob _job;
    private readonly ScaleMachine _machine;
    private readonly ScaleChanges _changes;
    private readonly StepMessages _messages;
    private readonly SimulatedClock _clock = new();
    private readonly Silo[] _silos;
    private readonly SliceRange[] _ranges;
    private readonly int[] _primaries, _mirrors;
    private readonly int[] _siloOfShard;
    private readonly (int First, int Count, int Silo)[] _nodes;
    private readonly SerialResource _coordinator, _rewards;
    private readonly List<PhaseTime> _phases = [];
    private long _collected, _mirrored, _published, _calls, _rewardCalls;

    private StepSimulation(ScaleJob job, ScaleMachine machine, ScaleChanges changes, int silos)
    {
        (_job, _machine, _changes) = (job, machine, changes);
        _messages = new StepMessages(job);
        var plan = PlanOf(job, silos);
        var index = plan.Members.Select((member, i) => (member.Silo, i)).ToDictionary(one => one.Silo, one => one.i);
        _siloOfShard = [.. plan.ShardMembers];
        _primaries = [.. plan.Slices.Select(slice => index[slice.Primary])];
        _mirrors = [.. plan.Slices.Select(slice => slice.Mirror is { } mirror ? index[mirror] : -1)];
        _ranges = FlatLayout.Of([("weights", [job.Parameters])]).Slices(job.Slices);
        _nodes = [.. NodesOf(_siloOfShard)];
        _silos = [.. Enumerable.Range(0, silos).Select(_ => new Silo(_clock, machine))];
        (_coordinator, _rewards) = (new(_clock), new(_clock));
    }

    /// <summary>Simulates a step.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No silo.</exception>
    public static StepResult Run(ScaleJob job, ScaleMachine machine, ScaleChanges changes, int silos)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(silos, 1);
        var simulation = new StepSimulation(job, machine, changes, silos);
        simulation._clock.Run(simulation.StepAsync);
        return simulation.Result();
    }

    /// <summary>The plan of a job that begins.</summary>
    internal static JobPlacement PlanOf(ScaleJob job, int silos) => PlacementPlan.Make(
        job.Shards, job.Slices, [.. Enumerable.Range(0, silos).Select(silo => new MemberPlace(FormattableString.Invariant($"silo-{silo}"), "", 0))], [.. Enumerable.Repeat(1.0, silos)],
        [.. Enumerable.Repeat((IReadOnlyList<string>)[], job.Slices)], job.Mirror && silos > 1, "silo-0", 1);

    /// <summary>The canonical tree as complete subtrees on the silos that have them; as GrainBackend makes it.</summary>
    internal static IReadOnlyList<(int First, int Count, int Silo)> NodesOf(IReadOnlyList<int> siloOfShard)
    {
        var nodes = new List<(int First, int Count, int Silo)>();
        for (int first = 0; first < siloOfShard.Count;)
        {
            int end = first + 1;
            while (end < siloOfShard.Count && siloOfShard[end] == siloOfShard[first]) { end++; }
            foreach (var (start, count) in CanonicalTreeSum.CompleteSubtrees(siloOfShard.Count, first, end - first)) { nodes.Add((start, count, siloOfShard[first])); }
            first = end;
        }

        return nodes;
    }

    private async Task StepAsync()
    {
        await PhaseAsync("control", () => Task.WhenAll(_silos.Select(_ => CallAsync(() => Task.FromResult(0)))));
        await PhaseAsync("generate", () => OnShardsAsync(StepMessages.Phase.Generate, (shard, lane) => lane.UseAsync(Spread(0, shard) * _machine.Generation(_job))));
        await PhaseAsync("score", () => OnShardsAsync(StepMessages.Phase.Score, (shard, _) => ScoreAsync(shard)));
        for (int update = 0; update < _job.Updates; update++)
        {
            int phase = 1 + update;
            await PhaseAsync("train", () => OnShardsAsync(StepMessages.Phase.Update, (shard, lane) => TrainAsync(phase, shard, lane)));
            await PhaseAsync("collect", () => OnSlicesAsync(CollectAsync, mirrors: false));
            if (_mirrors[0] >= 0) { await PhaseAsync("mirror", () => OnSlicesAsync(MirrorAsync, primaries: false)); }
            if (_job.Rows > 1)
            {
                await PhaseAsync("gram", () => OnSlicesAsync((slice, silo) => OnLaneAsync(slice, silo, 8.0 * _job.Rows * _ranges[slice].Length / _machine.MemoryRate)));
                await PhaseAsync("apply", () => OnSlicesAsync((slice, silo) => OnLaneAsync(slice, silo, 12.0 * _job.Rows * _ranges[slice].Length / _machine.MemoryRate)));
            }

            await PhaseAsync("apply", () => OnSlicesAsync((slice, silo) => OnLaneAsync(slice, silo, 4.0 * _ranges[slice].Length / _machine.MemoryRate)));
            await PhaseAsync("apply", () => OnSlicesAsync((slice, silo) => OnLaneAsync(slice, silo, ApplySeconds(_ranges[slice].Length))));
            if (_silos.Length > 1) { await PhaseAsync("publish", () => OnMembersAsync(PublishAsync)); }
        }

        if (_job.Observe) { await PhaseAsync("observe", () => OnShardsAsync(StepMessages.Phase.Observe, (shard, lane) => lane.UseAsync(Spread(-1, shard) * _machine.Measurement(_job)))); }
        await PhaseAsync("control", () => Task.WhenAll(_silos.Select(_ => CallAsync(() => Task.FromResult(0)))));
    }

    private double ApplySeconds(long length) => length * (_machine.AdamSeconds + (((_silos.Length > 1 ? 24.0 : 0) + (_job.Rows > 1 ? 8.0 * (_job.Rows + 1) : 0)) / _machine.MemoryRate));

    /// <summary>Which shard takes how long is a function of the seed, never of the number of silos.</summary>
    private double Spread(int phase, int shard) =>
        1 + (_machine.Spread * ((2 * CounterRandom.Uniform(_machine.Seed, RandomPurpose.Sampling, phase, shard, 0, 0)) - 1));

    /// <summary>Texts to the one silo that has the rewards, which scores them in turn.</summary>
    private async Task ScoreAsync(int shard)
    {
        await Task.WhenAll(Enumerable.Range(0, _job.Objectives).Select(async _ =>
        {
            _rewardCalls += _messages.ScoreBatchCount;
            await TransferAsync(_siloOfShard[shard], 0, _messages.TextBytes * _job.Answers);
            await _rewards.UseAsync((_machine.ScoreSeconds * _job.Answers) + (_machine.CallSeconds * _messages.ScoreBatchCount));
        }));
    }

    private async Task TrainAsync(int phase, int shard, SerialResource lane)
    {
        await lane.UseAsync(Spread(phase, shard) * _machine.Training(_job));
        // Sums are kept on the first device; those of others are moved there.
        var silo = _silos[_siloOfShard[shard]];
        if (lane != silo.Lanes[0]) { await lane.UseAsync(4.0 * _job.Rows * _job.Length / _machine.CopyRate); }
    }

    /// <summary>A primary takes the sums of its slice, row by row, node by node from left to right, a few on their way at a time.</summary>
    private async Task CollectAsync(int slice, int silo)
    {
        if (_nodes is [var whole] && whole.Silo == silo) { return; }
        long bytes = 4 * _ranges[slice].Length;
        int begin = _changes.OwnOrder ? Math.Max(0, Array.FindIndex(_nodes, node => node.Silo > silo)) : 0;
        for (int row = 0; row < _job.Rows; row++)
        {
            var coming = new Queue<Task>();
            for (int i = 0; i < _nodes.Length; i++)
            {
                int from = _nodes[(begin + i) % _nodes.Length].Silo;
                if (from != silo) { _collected += bytes; }
                coming.Enqueue(from == silo ? Task.CompletedTask : PullAsync(from, silo, bytes, 4 * _job.Length));
                if (coming.Count > NodesAhead) { await TakeAsync(); }
            }

            while (coming.Count > 0) { await TakeAsync(); }

            async Task TakeAsync()
            {
                await coming.Dequeue();
                await _silos[silo].Lanes[0].UseAsync(3 * bytes / _machine.MemoryRate);
            }
        }
    }

    private async Task MirrorAsync(int slice, int silo)
    {
        long bytes = 4 * _ranges[slice].Length;
        for (int row = 0; row < _job.Rows; row++)
        {
            _mirrored += bytes;
            await PullAsync(_primaries[slice], silo, bytes, bytes);
        }
    }

    /// <summary>A silo gets what it does not hold, slice by slice.</summary>
    private async Task PublishAsync(int silo)
    {
        for (int i = 0; i < _ranges.Length; i++)
        {
            int slice = _changes.OwnOrder ? (silo + 1 + i) % _ranges.Length : i;
            if (_primaries[slice] == silo || _mirrors[slice] == silo) { continue; }
            long bytes = _job.ElementBytes * _ranges[slice].Length;
            _published += bytes;
            await PullAsync(_primaries[slice], silo, bytes, bytes);
            if (_silos[silo].Lanes.Length > 1) { await _silos[silo].Lanes[0].UseAsync((_silos[silo].Lanes.Length - 1) * bytes / _machine.CopyRate); }
        }
    }

    /// <summary>A pull: the giving device hands over to its host, the link carries, the taking host hands over to its device.</summary>
    private async Task PullAsync(int from, int to, long bytes, long whole)
    {
        if (bytes == 0) { return; }
        long copied = _changes.RangeCopies ? bytes : whole;
        await _clock.DelayAsync(_machine.Latency);
        await _silos[from].CopyAsync(copied);
        await CarryAsync(from, to, bytes);
        await _silos[to].CopyAsync(bytes);
    }

    private async Task TransferAsync(int from, int to, long bytes)
    {
        await _clock.DelayAsync(_machine.Latency);
        if (from != to) { await CarryAsync(from, to, bytes); }
    }

    private Task CarryAsync(int from, int to, long bytes) => Task.WhenAll(_silos[from].Out.CarryAsync(bytes), _silos[to].In.CarryAsync(bytes));

    private Task OnLaneAsync(int slice, int silo, double seconds) => _silos[silo].Lanes[(int)((long)slice * _silos[silo].Lanes.Length / _ranges.Length)].UseAsync(seconds);

    /// <summary>A silo's devices, what they copy through, and its link.</summary>
    private sealed class Silo(SimulatedClock clock, ScaleMachine machine)
    {
        private readonly SerialResource _copies = new(clock);

        public SerialResource[] Lanes { get; } = [.. Enumerable.Range(0, machine.Devices).Select(_ => new SerialResource(clock))];

        public SharedPort In { get; } = new(clock, machine.LinkRate);

        public SharedPort Out { get; } = new(clock, machine.LinkRate);

        public long Copied { get; private set; }

        public double CopyBusy => _copies.Busy;

        public Task CopyAsync(long bytes)
        {
            Copied += bytes;
            return _copies.UseAsync(bytes / machine.CopyRate);
        }
    }
}
