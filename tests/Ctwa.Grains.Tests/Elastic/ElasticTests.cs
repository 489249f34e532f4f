using System.Collections.Concurrent;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Channel;
using Ctwa.Grains.Coordination;
using Ctwa.Grains.Hosting;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Specification;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Xunit;

namespace Ctwa.Grains.Tests.Elastic;

/// <summary>However many silos compute, and whoever of them is lost: the same bits.</summary>
public sealed class ElasticTests : IDisposable
{
    private readonly GridJobs _jobs = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, bool> Methods => new() { { "linear", false }, { "ctwa", true }, { "mgda", true }, { "mgda second pass", true }, { "gradnorm", false } };

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Two_and_three_silos_give_the_bits_of_none(string method, bool odd)
    {
        var spec = _jobs.Read(ExactnessJobs.Create(method, odd));
        var local = await _jobs.TrainLocallyAsync(spec, "local");
        foreach (int silos in (int[])[2, 3])
        {
            await using var grid = await TestGrid.StartAsync(silos, lanes: silos - 1);
            var run = await RunAsync(grid, spec, $"silos-{silos}");
            Assert.Equal(local.ModelHash, run.ModelHash);
            Assert.Equal(local.History, run.History);
            Assert.DoesNotContain("redone", await File.ReadAllTextAsync(Path.Combine(run.FullPath, "faults.jsonl"), Token), StringComparison.Ordinal);
            Assert.True(grid.Transfers.Count > 0, "nothing went between the silos: one of them did all the work.");
        }
    }

    [Theory]
    [InlineData("ctwa", true, true)]
    [InlineData("mgda", true, true)]
    [InlineData("mgda", true, false)]
    public async Task A_silo_that_dies_in_a_step_costs_no_bit(string method, bool odd, bool mirror)
    {
        var spec = _jobs.Read(ExactnessJobs.Create(method, odd));
        spec = spec with { Grid = spec.Grid with { Mirror = mirror } };
        var local = await _jobs.TrainLocallyAsync(spec, "local");
        await using var grid = await TestGrid.StartAsync(3);
        var run = await RunAsync(grid, spec, "killed", async (kind, steps) =>
        {
            if (kind == JobEventKind.Step && steps == 2) { await grid.KillAsync(2); }
        });
        Assert.Equal(local.ModelHash, run.ModelHash);
        Assert.Equal(local.History, run.History);
    }

    // From this many shards on, calls go in batches by silo.
    [Fact]
    public async Task Hundreds_of_shards_give_the_same_bits_too()
    {
        var spec = _jobs.Read(ExactnessJobs.Create("ctwa", odd: false));
        spec = spec with { Grid = spec.Grid with { Shards = 300 }, Schedule = spec.Schedule with { Steps = 2 } };
        var local = await _jobs.TrainLocallyAsync(spec, "local");
        await using var grid = await TestGrid.StartAsync(2);
        var run = await RunAsync(grid, spec, "fan");
        Assert.Equal(local.ModelHash, run.ModelHash);
        Assert.Equal(local.History, run.History);
    }

    [Fact]
    public async Task A_silo_that_joins_and_one_that_leaves_cost_no_bit()
    {
        var spec = _jobs.Read(ExactnessJobs.Create("ctwa", odd: true));
        var local = await _jobs.TrainLocallyAsync(spec, "local");
        await using var grid = await TestGrid.StartAsync(2);
        int joined = -1;
        grid.BeforeTransfer = _ => Thread.Sleep(10); // Steps that take long enough for a silo to join and to leave.
        var run = await RunAsync(grid, spec, "joined", async (kind, steps) =>
        {
            if (kind == JobEventKind.SupervisedStep && steps == 3) { joined = await grid.JoinAsync(); }
            if (kind == JobEventKind.Step && steps == 2) { grid.SelfOf(1).BeginDraining(); }
        });
        Assert.Equal(local.ModelHash, run.ModelHash);
        Assert.Equal(local.History, run.History);
        Assert.True(grid.ServedBy(joined) > 0, "the silo that joined had no part.");
        Assert.True(grid.HostsOf(1).IsIdle, "the silo that was asked to leave still holds something of the job.");
    }

    [Fact]
    public async Task Jobs_that_share_a_grid_do_not_touch_each_others_bits()
    {
        var one = _jobs.Read(ExactnessJobs.Create("ctwa", odd: true));
        var other = _jobs.Read(ExactnessJobs.Create("mgda", odd: false));
        var locals = (One: await _jobs.TrainLocallyAsync(one, "local-one"), Other: await _jobs.TrainLocallyAsync(other, "local-other"));
        await using var grid = await TestGrid.StartAsync(2);
        var runs = await Task.WhenAll(RunAsync(grid, one, "one"), RunAsync(grid, other, "other"));
        Assert.Equal((locals.One.ModelHash, locals.Other.ModelHash), (runs[0].ModelHash, runs[1].ModelHash));
        Assert.Equal(locals.One.History, runs[0].History);
        Assert.Equal(locals.Other.History, runs[1].History);
    }

    [Fact]
    public async Task A_replaced_coordinator_gets_nothing_done_and_no_tensor()
    {
        var spec = _jobs.Read(ExactnessJobs.Create("linear", odd: false));
        await using var grid = await TestGrid.StartAsync(1);
        string silo = grid.AddressOf(0);
        IMemberGrain member = grid.Grains.GetGrain<IMemberGrain>($"fenced/-1|{silo}");
        await member.Start(new OpenWork("open/1", JobSpecJson.Serialize(spec), _jobs.Folder, Computes: true, Rewards: false) { Epoch = 2 }, Token);
        while ((await member.Poll("open/1", Token)).Status == WorkStatus.Running) { }
        var stale = new SupervisedWork("supervised/stale", new UpdateKey(0, 1, 0, 0), 0, 2, 2) { Epoch = 1 };
        await Assert.ThrowsAsync<StaleCoordinatorException>(() => grid.Grains.GetGrain<IRolloutShardGrain>($"fenced/0|{silo}").Start(stale, Token));
        await Assert.ThrowsAsync<StaleCoordinatorException>(() => grid.Grains.GetGrain<IGradientAccumulatorGrain>($"fenced/0|{silo}").Start(new ReduceWork("reduce/stale", stale.Update) { Epoch = 1 }, Token));
        await Assert.ThrowsAsync<StaleCoordinatorException>(() => member.Start(new ResetWork("reset/stale") { Epoch = 1 }, Token));
        var request = new TensorRequest(new TensorId { Job = TensorId.JobHash("fenced"), Kind = TensorKind.Compute }, Epoch: 1, 0, 64);
        Assert.Equal(TensorRefusal.StaleEpoch, Assert.Throws<TensorRefusedException>(() => grid.HostsOf(0).Open(request)).Reason);
        Assert.Equal(TensorRefusal.NotReady, Assert.Throws<TensorRefusedException>(() => grid.HostsOf(0).Open(request with { Epoch = 2 })).Reason);
        await member.Close(1, Token); // Not its business any more.
        Assert.False(grid.HostsOf(0).IsIdle);
        await member.Close(2, Token);
        Assert.True(grid.HostsOf(0).IsIdle);
    }

    [Fact]
    public async Task A_silo_that_does_not_know_the_secret_gets_no_part()
    {
        await using var grid = await TestGrid.StartAsync(2);
        var oracle = grid.ServicesOf(0).GetRequiredService<ISiloStatusOracle>();
        var told = new List<string>();
        var secret = new ClusterSecret(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 });
        Assert.Empty(await new GridMembers(oracle, grid.Grains, secret, told.Add).DescribeAsync(Token));
        Assert.Equal(2, told.Count);
        Assert.Equal(2, (await new GridMembers(oracle, grid.Grains, null, told.Add).DescribeAsync(Token)).Length);
        string proof = SiloProofOfSecret.Of(secret, "127.0.0.1:1@2");
        Assert.True(SiloProofOfSecret.IsRight(secret, "127.0.0.1:1@2", proof));
        Assert.False(SiloProofOfSecret.IsRight(secret, "127.0.0.1:1@3", proof));
    }

    // What arrived in part must not pass for the whole.
    [Fact]
    public async Task A_silo_that_got_half_of_what_it_needs_to_join_gets_it_again()
    {
        var spec = _jobs.Read(ExactnessJobs.Create("ctwa", odd: true));
        var local = await _jobs.TrainLocallyAsync(spec, "local");
        await using var grid = await TestGrid.StartAsync(2);
        var broken = new ConcurrentDictionary<TensorKind, bool>();
        grid.BeforeTransfer = request =>
        {
            Thread.Sleep(80); // Steps that take long enough for a silo to join.
            if (request.Id.Kind is TensorKind.Reference or TensorKind.SecondMoment && broken.TryAdd(request.Id.Kind, true)) { throw new IOException("torn"); }
        };
        var run = await RunAsync(grid, spec, "half", async (kind, steps) =>
        {
            if (kind == JobEventKind.Step && steps == 1) { await grid.JoinAsync(); }
        });
        Assert.Equal(local.ModelHash, run.ModelHash);
        Assert.Equal(local.History, run.History);
        Assert.Contains(TensorKind.Reference, broken.Keys);
    }

    [Fact]
    public async Task A_transfer_that_breaks_costs_a_step_and_no_bit()
    {
        var spec = _jobs.Read(ExactnessJobs.Create("mgda", odd: true));
        var local = await _jobs.TrainLocallyAsync(spec, "local");
        await using var grid = await TestGrid.StartAsync(2);
        int transfers = 0, broken = 0;
        grid.BeforeTransfer = _ =>
        {
            // Far apart, so that the step that is done again may end.
            if (Interlocked.Increment(ref transfers) % 301 != 0) { return; }
            broken++;
            throw new IOException("torn");
        };
        var run = await RunAsync(grid, spec, "torn");
        Assert.Equal(local.ModelHash, run.ModelHash);
        Assert.Equal(local.History, run.History);
        Assert.InRange(broken, 1, 100);
    }

    public void Dispose() => _jobs.Dispose();

    /// <summary>Submits a job and calls back for every event, with the number of events of its kind so far.</summary>
    private async Task<RunFolder> RunAsync(TestGrid grid, JobSpec spec, string name, Func<JobEventKind, int, Task>? onEvent = null)
    {
        var coordinator = grid.Grains.GetGrain<ICoordinatorGrain>(name);
        Assert.Null(await coordinator.Submit(_jobs.Submission(spec, name), Token));
        long seen = 0;
        var counts = new Dictionary<JobEventKind, int>();
        while (true)
        {
            var progress = await WatchAsync();
            if (progress.Status == JobStatus.Unknown)
            {
                // The coordinator died with its silo: its next activation goes on where the run is.
                Assert.Null(await coordinator.Submit(_jobs.Submission(spec, name, resume: true), Token));
                seen = 0;
                continue;
            }

            foreach (var happened in progress.Events)
            {
                seen = happened.Sequence;
                int count = counts[happened.Kind] = counts.GetValueOrDefault(happened.Kind) + 1;
                TestContext.Current.TestOutputHelper?.WriteLine($"{happened.Kind} {happened.Json[..Math.Min(happened.Json.Length, 160)]}");
                if (onEvent is not null) { await onEvent(happened.Kind, count); }
            }

            if (progress.Events.IsEmpty && progress.Status is JobStatus.Succeeded or JobStatus.Stopped or JobStatus.Failed)
            {
                Assert.Equal((JobStatus.Succeeded, null), (progress.Status, progress.Failure));
                return _jobs.Run(name);
            }
        }

        async Task<JobProgress> WatchAsync()
        {
            while (true)
            {
                try { return await coordinator.Watch(seen, Token); }
                catch (Exception failure) when (failure is OrleansException or TimeoutException or OperationCanceledException && !Token.IsCancellationRequested) { await Task.Delay(200, Token); }
            }
        }
    }
}
