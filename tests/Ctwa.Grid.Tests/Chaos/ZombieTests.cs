using System.Globalization;
using System.Text.RegularExpressions;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
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
        var job = new LongJob(_folder);
        var expected = await job.UndisturbedAsync();
        await using var grid = await LocalGrid.StartAsync(Path.Combine(_folder, "grid"), redis, 3);
        var run = new RunFolder(Path.Combine(_folder, "run"));
        await using var client = await grid.SubmitAsync(job.Path, run.FullPath);
        await LongJob.GoOnAsync(run, 35, client); // the supervised stage is over
        var zombie = grid.CoordinatorOf(run);
        Assert.NotNull(zombie);
        zombie.Send(UnixSignal.Freeze);
        await Task.Delay(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        var successor = grid.CoordinatorOf(run);
        int lines = RunProgress.Of(run).Lines;
        Assert.True(successor is not null && successor != zombie, $"20 s after it was frozen, {zombie} still coordinates.");
        zombie.Send(UnixSignal.Continue);
        Assert.Equal(0, await client.WaitAsync(LongJob.Deadline));
        LongJob.Equal(expected, run);

        // The others' logs count its calls; its own log the writes that the run directory's fence refused.
        string[] logs = [.. grid.Silos.Select(silo => silo.Process.ReadLog())];
        int calls = logs.Sum(log => RefusedCalls().Count(log)), writes = logs.Sum(log => RefusedWrites().Count(log));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{zombie} was replaced by {successor}, woke at line {lines} of {expected.History.Count}; refused: {calls} calls, {writes} writes; it {(zombie.IsRunning ? "still runs" : $"ended with exit code {zombie.Process.ExitCode}")}"));
        // Woken late, it may read that it was declared dead, and end itself, before it calls anybody; that every call and write would have been
        // refused is tested one by one in ElasticTests and RunFenceTests.
        Assert.True(calls + writes > 0 || !zombie.IsRunning, "the zombie still runs, and nothing of it was refused: it made no call, or nobody counted.");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [GeneratedRegex("refused a call of coordinator")]
    private static partial Regex RefusedCalls();

    [GeneratedRegex("has been replaced by coordinator .*nothing was written")]
    private static partial Regex RefusedWrites();
}
