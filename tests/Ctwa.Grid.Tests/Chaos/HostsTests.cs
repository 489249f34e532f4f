using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.Grid.Tests.Chaos;

/// <summary>Silos on hosts of their own, in network namespaces; links are cut and healed.</summary>
public sealed class HostsTests(ITestOutputHelper output) : IDisposable
{
    private const int Silos = 3;
    private const int RedisHost = 3;
    private const int ClientHost = 4;
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-hosts-").FullName;

    [Fact, Trait("Category", ChaosTests.Long)]
    public async Task Hosts_that_are_cut_off_and_come_back_do_not_change_the_result()
    {
        await RedisRequired.OrSkipAsync();
        string? whyNot = await VirtualHosts.WhyNotAsync();
        Assert.SkipWhen(whyNot is not null, whyNot ?? "");
        var job = new LongJob(_folder);
        var expected = await job.UndisturbedAsync();
        await using var hosts = await VirtualHosts.StartAsync(_folder, 5);
        await using var redis = await RedisServer.StartAsync(hosts.Place(RedisHost).Host, hosts.Place(RedisHost).Prefix);
        await using var grid = await LocalGrid.StartAsync(Path.Combine(_folder, "grid"), redis, Silos, new GridSettings { PlaceOf = hosts.Place, ClientPlace = hosts.Place(ClientHost) });
        var run = new RunFolder(Path.Combine(_folder, "run"));
        await using var client = await grid.SubmitAsync(job.Path, run.FullPath);
        await LongJob.GoOnAsync(run, 10, client);

        // A host with a part of the work, then the coordinator's: it still sees the run directory, and nobody else.
        var away = grid.Silos.First(silo => silo != grid.CoordinatorOf(run));
        await CutAsync(hosts, away, run, client);
        await grid.RepairAsync();
        var coordinator = grid.CoordinatorOf(run);
        Assert.NotNull(coordinator);
        await CutAsync(hosts, coordinator, run, client);

        Assert.Equal(0, await client.WaitAsync(LongJob.Deadline));
        LongJob.Equal(expected, run);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Cuts a host off until the job has gone on without it, then heals the link.</summary>
    private async Task CutAsync(VirtualHosts hosts, GridSilo silo, RunFolder run, GridProcess client)
    {
        var before = RunProgress.Of(run);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await hosts.ConnectAsync(silo.Index, connected: false);
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken); // what was on its way is over
        await LongJob.GoOnAsync(run, 1, client);
        output.WriteLine(FormattableString.Invariant($"cut off {silo} after {before.Stage} {before.Step}: the next step was completed after {clock.Elapsed.TotalSeconds:0.0} s"));
        await hosts.ConnectAsync(silo.Index, connected: true);
    }
}
