using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Telemetry;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Coordination;

/// <content>Has shards and slices do a piece of work each, and puts their answers in order.</content>
internal sealed partial class GrainBackend
{
    private IRolloutShardGrain Shard(int shard) => Shard(shard, Placement.SiloOfShard(shard));

    private IRolloutShardGrain Shard(int shard, string silo) => grains.GetGrain<IRolloutShardGrain>(GrainKeys.Of(jobId, shard, silo));

    /// <summary>Has every shard do a piece of work.</summary>
    /// <param name="workOf">By shard.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <param name="again">Shards that take much longer than the others are given to a second silo as well; that must not need anything but the weights.</param>
    private Task<T[]> OnShards<T>(Func<int, ShardWork> workOf, CancellationToken cancellationToken, bool again = false)
        where T : ShardResult => WorkTrace.AllAsync("shards", typeof(T), () => OnAllShards<T>(workOf, again, cancellationToken));

    private async Task<T[]> OnAllShards<T>(Func<int, ShardWork> workOf, bool again, CancellationToken cancellationToken)
        where T : ShardResult
    {
        var plan = Placement;
        _phase.Divide(Shards >= FanFrom ? 0 : Shards);
        if (Shards >= FanFrom) { return await new ShardFan(grains, jobId).RunAsync<T>([.. Enumerable.Range(0, Shards).Select(shard => workOf(shard) with { Epoch = epoch })], plan.SiloOfShard, cancellationToken); }
        var watch = new StragglerWatch(Shards, again && plan.Members.Length > 1 ? _job.Spec.Grid.StragglerFactor : 0);
        var results = await SideBySide.RunAsync(Enumerable.Range(0, Shards).Select(shard => (Func<CancellationToken, Task<T>>)(async token =>
        {
            var work = workOf(shard) with { Epoch = epoch };
            var (result, silo) = await watch.RunAsync(shard, plan.SiloOfShard(shard), () => _speeds.Fastest(plan, plan.SiloOfShard(shard)), (where, end) => DriveShardAsync<T>(shard, where, work, end), token);
            _phase.Finish();
            // The winner has the shard's answers now: the rest of the step is done there.
            if (silo != plan.SiloOfShard(shard)) { Move(shard, silo); }
            return result;
        })), cancellationToken);
        for (int i = 0; i < watch.Duplicates; i++) { telemetry.Straggle(won: false); }
        // Scores come from elsewhere, and estimates are a few numbers: neither says anything about a silo's speed.
        if (typeof(T) != typeof(ScoreResult) && typeof(T) != typeof(EstimateTokensResult)) { _speeds.Add(plan, watch.Seconds); }
        return results;
    }

    private async Task<T> DriveShardAsync<T>(int shard, string silo, ShardWork work, CancellationToken cancellationToken)
        where T : ShardResult
    {
        var grain = Shard(shard, silo);
        return await WorkDriver.DriveAsync(
            $"shard {shard} of job {jobId} on silo {silo}, {work.Key}",
            () => grain.Start(work, cancellationToken),
            () => grain.Poll(work.Key, cancellationToken),
            report => (report.Status, (T?)report.Result, report.Error),
            cancellationToken);
    }

    private void Move(int shard, string silo)
    {
        var now = Placement;
        _placement = now with { ShardMembers = now.ShardMembers.SetItem(shard, now.Members.IndexOf(now.Member(silo))) };
        log.Straggled(shard, silo);
        telemetry.Straggle(won: true);
    }

    /// <summary>Has the holders of every slice take the canonical sums of an update: the primaries from the shards, the mirrors from them.</summary>
    private Task CollectAsync(UpdateId update, int rows, bool lastBlockOnly, CancellationToken cancellationToken) => WorkTrace.AllAsync("slices", typeof(CollectWork), async () =>
    {
        var nodes = Nodes();
        CollectWork Work(string? from) => new(KeyOf(from is null ? "collect" : "mirror", update), update.ToMessage(), rows, lastBlockOnly, from is null ? nodes : [], from);
        var plan = Placement;
        await SideBySide.RunAsync(plan.Slices.Select((place, slice) => (Func<CancellationToken, Task<SliceReport>>)(token => DriveSliceAsync(slice, place.Primary, Work(null), token))), cancellationToken);
        await SideBySide.RunAsync(
            plan.Slices.Select((place, slice) => (place, slice)).Where(one => one.place.Mirror is not null)
                .Select(one => (Func<CancellationToken, Task<SliceReport>>)(token => DriveSliceAsync(one.slice, one.place.Mirror!, Work(one.place.Primary), token))), cancellationToken);
        return true;
    });

    /// <summary>Has every copy of every slice do a piece of work; the primaries' answers, which the mirrors' must equal.</summary>
    private Task<SliceReport[]> OnSlices<TWork>(Func<int, string, TWork> workOf, CancellationToken cancellationToken)
        where TWork : SliceWork => WorkTrace.AllAsync("slices", typeof(TWork), () => OnAllSlices(workOf, cancellationToken));

    private async Task<SliceReport[]> OnAllSlices(Func<int, string, SliceWork> workOf, CancellationToken cancellationToken)
    {
        var plan = Placement;
        (int Slice, string Silo)[] copies = [.. plan.Slices.SelectMany((place, slice) => place.Holders.Select(silo => (slice, silo)))];
        var answers = await SideBySide.RunAsync(copies.Select(copy => (Func<CancellationToken, Task<SliceReport>>)(token => DriveSliceAsync(copy.Slice, copy.Silo, workOf(copy.Slice, copy.Silo), token))), cancellationToken);
        var primaries = new SliceReport[plan.Slices.Length];
        for (int i = 0; i < copies.Length; i++)
        {
            var (slice, silo) = copies[i];
            if (silo == plan.Slices[slice].Primary) { primaries[slice] = answers[i]; }
        }

        for (int i = 0; i < copies.Length; i++)
        {
            var (slice, silo) = copies[i];
            if (primaries[slice].Hash == answers[i].Hash && Same(primaries[slice].Values, answers[i].Values)) { continue; }
            throw new InvalidOperationException($"the two copies of slice {slice}, on silos {plan.Slices[slice].Primary} and {silo}, differ after the same arithmetic: one of the two machines computes wrongly. Find out which (memory, processor), take it out of the grid, and resume the run.");
        }

        return primaries;
    }

    private async Task<SliceReport> DriveSliceAsync(int slice, string silo, SliceWork work, CancellationToken cancellationToken)
    {
        var grain = grains.GetGrain<IGradientAccumulatorGrain>(GrainKeys.Of(jobId, slice, silo));
        work = work with { Epoch = epoch };
        return await WorkDriver.DriveAsync(
            $"slice {slice} of job {jobId} on silo {silo}, {work.Key}",
            () => grain.Start(work, cancellationToken),
            () => grain.Poll(work.Key, cancellationToken),
            report => (report.Status, (SliceReport?)report, report.Error),
            cancellationToken);
    }

    private static bool Same(ImmutableArray<double> one, ImmutableArray<double> other) =>
        one.Length == other.Length && System.Runtime.InteropServices.MemoryMarshal.AsBytes(one.AsSpan()).SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes(other.AsSpan()));
}
