using System.Globalization;
using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.Grid.Tests.Telemetry;

/// <summary>What metrics say of a job whose silos die: one series, steps counted once, and the loss where an operator looks for it.</summary>
public sealed class FaultSeriesTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-faults-").FullName;

    [Fact]
    public async Task A_killed_silo_and_a_killed_coordinator_leave_one_series_that_tells_of_both()
    {
        await using var grid = await LiveGrid.StartAsync(_folder);
        var (client, run) = await grid.SubmitAsync(_folder);
        await using var _ = client;
        await LiveGrid.GoOnAsync(run, 8, client);
        var prometheus = grid.Prometheus;
        await prometheus.WaitAsync("ctwa_job_members", answer => answer is [{ Value: 2 }], LiveGrid.Patience);
        await prometheus.WaitAsync("sum(ctwa_job_losses_total)", answer => answer is [{ Value: 0 }], LiveGrid.Patience);

        // The silo that only computes: the coordinator goes on with what is left.
        var coordinator = grid.Silos.CoordinatorOf(run)!;
        await grid.Silos.Silos.Single(silo => silo != coordinator).KillAsync();
        await prometheus.WaitAsync("ctwa_job_recoveries_total{ctwa_kind='in_place'} == 1", answer => answer.Count == 1, LiveGrid.Patience);
        Assert.Equal(1, (await prometheus.QueryAsync("ctwa_job_losses_total")).Single().Value);
        var lost = (await prometheus.QueryAsync("ctwa_job_recovery_time_seconds_total")).Single();
        Assert.InRange(lost.Value, 0.01, 60);
        Assert.True((await prometheus.QueryAsync("ctwa_job_promotions_total")).Single().Value > 0, "the dead silo's slices went to their mirrors, and nobody counted");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"one loss, {lost.Value:0.00} s from it to the next commit"));

        // It comes back and gets a part again; then the coordinator's silo dies, and the other one goes on.
        await grid.Silos.RepairAsync();
        await prometheus.WaitAsync("ctwa_job_members", answer => answer is [{ Value: 2 }], LiveGrid.Patience);
        await coordinator.KillAsync();
        await prometheus.WaitAsync("ctwa_job_recoveries_total{ctwa_kind='resumed'} == 1", answer => answer.Count == 1, LiveGrid.Patience);
        await prometheus.WaitAsync("count(ctwa_job_step{ctwa_stage='rl'})", answer => answer is [{ Value: 1 }], LiveGrid.Patience);
        await prometheus.WaitAsync("count(ctwa_grid_quota)", answer => answer is [{ Value: 1 }], LiveGrid.Patience);
        var step = (await prometheus.QueryAsync("ctwa_job_step{ctwa_stage='rl'}")).Single();
        Assert.NotEqual(coordinator.HealthPort.ToString(CultureInfo.InvariantCulture), step.Labels["instance"].Split(':')[1]);
        Assert.DoesNotContain("job", step.Labels.Where(label => label.Value.Contains("exact-", StringComparison.Ordinal)).Select(label => label.Key));

        // What metrics call the last step is on disk: a step is told of when it is committed.
        int told = (int)step.Value, written = RunProgress.Of(run).Step;
        Assert.True(told <= written, $"metrics say {told}, metrics.jsonl {written}");

        // Gauges end with the job, which a pause ends too; counters say their last word.
        await using var pause = await grid.Silos.ClientAsync("pause", "pause", step.Labels["ctwa_job"]);
        await prometheus.WaitAsync("ctwa_job_step or ctwa_objective_score or ctwa_job_members", answer => answer.Count == 0, LiveGrid.Patience);
        Assert.NotEmpty(await prometheus.QueryAsync("ctwa_job_steps_total"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
