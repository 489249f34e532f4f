using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Ctwa.Grains.Abstractions;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using Xunit;

namespace Ctwa.Grid.Tests.Chaos;

/// <summary>A coordinator that was frozen, replaced and wakes changes nothing (invariant I5).</summary>
public sealed partial class ZombieTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-zombie-").FullName;

    [Fact, Trait("Category", ChaosTests.Long)]
    public async Task A_coordinator_that_wakes_after_20_seconds_is_refused_by_everybody_and_there_is_one_history()
    {
        await using var redis = await RedisRequired.StartAsync();
        // After the coordinator was replaced, the others must not come to the end before it wakes.
        var job = new LongJob(_folder, steps: 240);
        var expected = await job.UndisturbedAsync();
        await using var grid = await LocalGrid.StartAsync(Path.Combine(_folder, "grid"), redis, 3);
        var run = new RunFolder(Path.Combine(_folder, "run"));
        await using var client = await grid.SubmitAsync(job.Path, run.FullPath);
        await LongJob.GoOnAsync(run, 35, client); // the supervised stage is over
        var zombie = grid.CoordinatorOf(run);
        Assert.NotNull(zombie);
        zombie.Send(UnixSignal.Freeze);
        int frozenAt = RunProgress.Of(run).Lines;
        await Task.Delay(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        var successor = grid.CoordinatorOf(run);
        int lines = RunProgress.Of(run).Lines;
        Assert.True(client.IsRunning, "the job ended before its first coordinator woke; it must be longer for this test to mean anything.");
        Assert.True(successor is not null && successor != zombie, $"20 s after it was frozen at line {frozenAt} of {expected.History.Count}, {zombie} still coordinates, at line {lines}.");
        zombie.Send(UnixSignal.Continue);
        Assert.Equal(0, await client.WaitAsync(LongJob.Deadline));
        LongJob.Equal(expected, run);

        // Whether the zombie calls anybody before it learns that it is dead, and ends, is chance. A message of its that comes late is not:
        await Assert.ThrowsAsync<StaleCoordinatorException>(() => LateCallAsync(grid, successor, JobId().Match(client.ReadLog()).Value));

        // The others' logs count such calls; its own log the writes that the run directory's fence refused.
        string[] logs = [.. grid.Silos.Select(silo => silo.Process.ReadLog())];
        int calls = logs.Sum(log => RefusedCalls().Count(log)), writes = logs.Sum(log => RefusedWrites().Count(log));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{zombie} was replaced by {successor}, woke at line {lines} of {expected.History.Count}; refused: {calls} calls, {writes} writes; it {(zombie.IsRunning ? "still runs" : $"ended with exit code {zombie.Process.ExitCode}")}"));
        Assert.True(calls + writes > 0, "nothing of the zombie was refused: it made no call, or nobody counted.");
    }

    /// <summary>What the first coordinator would have a silo do.</summary>
    private static async Task LateCallAsync(LocalGrid grid, GridSilo silo, string jobId)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleansClient(client => client
            .UseStaticClustering(new IPEndPoint(IPAddress.Loopback, silo.GatewayPort))
            .Configure<ClusterOptions>(names => (names.ServiceId, names.ClusterId) = (GridIdentity.ServiceId, grid.ClusterId)));
        using var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        string address = Address().Match(silo.Process.ReadLog()).Groups[1].Value;
        var member = host.Services.GetRequiredService<IClusterClient>().GetGrain<IMemberGrain>($"{jobId}/-1|{address}");
        await member.Start(new ResetWork("reset/late") { Epoch = 1 }, TestContext.Current.CancellationToken);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [GeneratedRegex(@"^\S+", RegexOptions.Multiline)]
    private static partial Regex JobId();

    [GeneratedRegex(@"ctwa-silo ports .* address=(\S+)")]
    private static partial Regex Address();

    [GeneratedRegex("refused a call of coordinator")]
    private static partial Regex RefusedCalls();

    [GeneratedRegex("has been replaced by coordinator .*nothing was written")]
    private static partial Regex RefusedWrites();
}
