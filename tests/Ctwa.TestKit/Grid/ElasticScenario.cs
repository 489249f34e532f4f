using System.Globalization;
using Ctwa.TestKit.Processes;

namespace Ctwa.TestKit.Grid;

/// <summary>A way to run a job on a grid whose result must be that of one silo.</summary>
public enum ElasticScenario
{
    OneSilo,
    TwoSilos,
    ThreeSilos,
    SiloKilled,
    CoordinatorKilled,
    SiloJoins,

    /// <summary>Three silos are killed, all at once; another grid of two silos resumes the run.</summary>
    ResumedOnTwo,
}

/// <summary>Runs a job in an <see cref="ElasticScenario"/>.</summary>
/// <param name="folder">Of grids and runs.</param>
/// <param name="redis">Of all grids; each has a cluster of its own in it.</param>
/// <param name="deadline">A run that takes longer hangs.</param>
public sealed class ElasticRuns(string folder, RedisServer redis, TimeSpan deadline)
{
    private int _grids;

    /// <summary>Words for tables.</summary>
    public static string Describe(ElasticScenario scenario) => scenario switch
    {
        ElasticScenario.OneSilo => "1 silo",
        ElasticScenario.TwoSilos => "2 silos",
        ElasticScenario.ThreeSilos => "3 silos",
        ElasticScenario.SiloKilled => "3 silos, one killed",
        ElasticScenario.CoordinatorKilled => "3 silos, coordinator's killed",
        ElasticScenario.SiloJoins => "2 silos, a third joins",
        _ => "3 silos killed, resumed on 2",
    };

    /// <summary>Runs a job to its end.</summary>
    /// <param name="name">Of the run directory.</param>
    /// <param name="job">Job file.</param>
    /// <param name="options">More options of the submission.</param>
    /// <param name="lines">Lines of metrics of a whole run.</param>
    /// <param name="dice">Choose moment and victim.</param>
    /// <returns>The run and what was done to it.</returns>
    /// <exception cref="InvalidOperationException">The run failed.</exception>
    /// <exception cref="TimeoutException">It hangs.</exception>
    public async Task<(RunFolder Run, string Note)> RunAsync(ElasticScenario scenario, string name, string job, IReadOnlyList<string> options, int lines, SeededDice dice)
    {
        var run = new RunFolder(Path.Combine(folder, "runs", name));
        await using var grid = await StartAsync(scenario switch { ElasticScenario.OneSilo => 1, ElasticScenario.TwoSilos or ElasticScenario.SiloJoins => 2, _ => 3 });
        await using var client = await grid.SubmitAsync(job, run.FullPath, options);
        string note = "";
        if (scenario >= ElasticScenario.SiloKilled)
        {
            // Not among the last lines, which a fault may come too late for.
            int at = 1 + dice.Below(Math.Max(1, (int)(lines * 0.8)));
            int victim = dice.Below(3);
            if (!await RunProgress.WaitAsync(run, at, client, deadline)) { throw new InvalidOperationException($"it ended before its line {at}:\n{client.ReadLog()}"); }
            await Task.Delay(dice.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(200)));
            note = await DisturbAsync(scenario, grid, run, client, victim);
        }

        if (scenario != ElasticScenario.ResumedOnTwo)
        {
            await SucceedAsync(client);
            return (run, note);
        }

        await using var other = await StartAsync(2);
        await using var resumed = await other.ClientAsync("resume", "submit", "--resume", run.FullPath, "--wait");
        await SucceedAsync(resumed);
        return (run, note);
    }

    private async Task<LocalGrid> StartAsync(int silos) =>
        await LocalGrid.StartAsync(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"grid-{++_grids}")), redis, silos);

    private static async Task<string> DisturbAsync(ElasticScenario scenario, LocalGrid grid, RunFolder run, GridProcess client, int victim)
    {
        var (lines, stage, step) = RunProgress.Of(run);
        var coordinator = grid.CoordinatorOf(run) ?? throw new InvalidOperationException($"run.lock.holder of {run.FullPath} names no silo of this grid.");
        string where = string.Create(CultureInfo.InvariantCulture, $"after {stage} {step} (line {lines})");
        switch (scenario)
        {
            case ElasticScenario.SiloKilled:
                // The coordinator's is a case of its own.
                var killed = grid.Silos[victim] == coordinator ? grid.Silos[(victim + 1) % grid.Silos.Count] : grid.Silos[victim];
                killed.Send(UnixSignal.Kill);
                return $"{killed} {where}";
            case ElasticScenario.CoordinatorKilled:
                coordinator.Send(UnixSignal.Kill);
                return $"{coordinator} {where}";
            case ElasticScenario.SiloJoins:
                var joined = await grid.JoinAsync();
                return client.IsRunning ? $"{joined} {where}, there after line {RunProgress.Of(run).Lines}" : $"{joined} {where}, TOO LATE";
            default:
                foreach (var silo in grid.Silos) { silo.Send(UnixSignal.Kill); }
                client.Send(UnixSignal.Kill);
                await client.WaitAsync(TimeSpan.FromSeconds(20));
                return where;
        }
    }

    private async Task SucceedAsync(GridProcess client)
    {
        int code = await client.WaitAsync(deadline);
        if (code != 0) { throw new InvalidOperationException($"{client.Name} ended with exit code {code}:\n{string.Join('\n', client.ReadLog().TrimEnd().Split('\n').TakeLast(15))}"); }
    }
}
