using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;

namespace Ctwa.Bench.Elastic;

/// <summary>
/// How much of a grid's speed is left when a silo is killed every minute and started again: the same number of steps of a few
/// seconds, undisturbed and disturbed, on three silos.
/// </summary>
internal static class GoodputMeasurement
{
    private const double Goal = 0.9;

    // The first steps of a process are its slowest: it compiles.
    private const int Probe = 12;
    private static readonly TimeSpan s_between = TimeSpan.FromMinutes(1);

    // As long as an administrator's service manager takes.
    private static readonly TimeSpan s_restart = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(40);

    /// <returns>False: a run failed or its weights differ.</returns>
    public static async Task<bool> RunAsync(string folder, TimeSpan length, int seed)
    {
        await using var redis = await RedisServer.StartAsync();
        // Steps of a few seconds on two cores; a model large enough that computing is what they cost.
        string[] job =
        [
            "warm_start=null", "model.init.hidden_size=256", "model.init.intermediate_size=672", "rollout.prompts_per_step=64", "update.prompts_per_update=16", "schedule.validate_every=0", "schedule.checkpoint_every=10", "grid.shards=6", "grid.slices=3",
        ];
        try
        {
            // How many steps fill the time, from the seconds of some of them.
            var (probe, _) = await TrainAsync(Path.Combine(folder, "probe"), redis, job, Probe, null, seed);
            double seconds = SecondsPerStep(probe);
            int steps = Math.Max(Probe, (int)(length.TotalSeconds / seconds));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\ngoodput: {steps} steps of about {seconds:0.0} s on 3 silos; a kill every {s_between.TotalSeconds:0} s, the silo is started again after {s_restart.TotalSeconds:0} s"));
            var (calm, undisturbed) = await TrainAsync(Path.Combine(folder, "calm"), redis, job, steps, null, seed);
            var (shaken, disturbed) = await TrainAsync(Path.Combine(folder, "shaken"), redis, job, steps, Console.WriteLine, seed);
            bool equal = calm.ModelHash == shaken.ModelHash && calm.History.SequenceEqual(shaken.History);
            double goodput = undisturbed / disturbed;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"undisturbed {undisturbed:0.0} s, disturbed {disturbed:0.0} s: goodput {goodput:P0} (goal: at least {Goal:P0}), {(equal ? "equal weights and history" : "OTHER WEIGHTS OR HISTORY")}"));
            return equal;
        }
        catch (Exception failure) when (failure is InvalidOperationException or TimeoutException)
        {
            Console.WriteLine($"goodput: FAILED: {failure.Message}");
            return false;
        }
    }

    /// <summary>Mean over the second half of a run's steps.</summary>
    private static double SecondsPerStep(RunFolder run) =>
        File.ReadLines(Path.Combine(run.FullPath, "metrics.jsonl")).TakeLast(Probe / 2).Average(line => JsonNode.Parse(line)!["time/step_s"]!.GetValue<double>());

    /// <returns>The run, and the seconds from its first step's line to its last's.</returns>
    private static async Task<(RunFolder Run, double Seconds)> TrainAsync(string folder, RedisServer redis, string[] job, int steps, Action<string>? killing, int seed)
    {
        var run = new RunFolder(Path.Combine(folder, "run-" + Path.GetFileName(folder)));
        await using var grid = await LocalGrid.StartAsync(Path.Combine(folder, "grid"), redis, 3);
        string[] overrides = [.. job, string.Create(CultureInfo.InvariantCulture, $"schedule.steps={steps + 1}")];
        await using var client = await grid.SubmitAsync(Path.Combine(Checkout.Find().Root, "examples", "quickstart.yaml"), run.FullPath, [.. overrides.SelectMany(text => (string[])["--set", text])]);
        // Line 1 is what step 0 measures, where it measures; the clock runs from the end of step 1 to that of the last.
        int first = await FirstStepAsync(run, client);
        var clock = Stopwatch.StartNew();
        using var stop = new CancellationTokenSource();
        var kills = killing is null ? Task.CompletedTask : KillAsync(grid, run, new SeededDice((ulong)seed), killing, stop.Token);
        if (!await RunProgress.WaitAsync(run, first + steps, client, s_deadline) && RunProgress.Of(run).Lines < first + steps) { throw new InvalidOperationException($"the client ended early:\n{client.ReadLog()}"); }
        double seconds = clock.Elapsed.TotalSeconds;
        await stop.CancelAsync();
        await kills;
        int code = await client.WaitAsync(s_deadline);
        return code == 0 ? (run, seconds) : throw new InvalidOperationException($"exit code {code}:\n{client.ReadLog()}");
    }

    private static async Task<int> FirstStepAsync(RunFolder run, GridProcess client)
    {
        var clock = Stopwatch.StartNew();
        while (RunProgress.Of(run) is var now)
        {
            if (now is { Stage: "rl", Step: >= 1 }) { return now.Lines; }
            if (!client.IsRunning || clock.Elapsed > TimeSpan.FromMinutes(5)) { throw new InvalidOperationException($"no first step:\n{client.ReadLog()}"); }
            await Task.Delay(20);
        }

        throw new UnreachableException();
    }

    private static async Task KillAsync(LocalGrid grid, RunFolder run, SeededDice dice, Action<string> print, CancellationToken stop)
    {
        try
        {
            // The first one comes in the middle of the first minute.
            for (var wait = s_between / 2; ; wait = s_between - s_restart)
            {
                await Task.Delay(wait, stop);
                var victim = grid.Silos[dice.Below(grid.Silos.Count)];
                if (!victim.IsRunning) { continue; }
                string coordinator = grid.CoordinatorOf(run) == victim ? " (the coordinator's)" : "";
                var (lines, _, step) = RunProgress.Of(run);
                var clock = Stopwatch.StartNew();
                victim.Send(UnixSignal.Kill);
                var restart = RestartAsync(victim);
                while (RunProgress.Of(run).Lines <= lines && clock.Elapsed < s_between - s_restart) { await Task.Delay(20, stop); }
                print(string.Create(CultureInfo.InvariantCulture, $"  killed {victim}{coordinator} after step {step}: next step completed after {clock.Elapsed.TotalSeconds:0.0} s"));
                await restart;
            }
        }
        catch (OperationCanceledException)
        {
            // The job has ended.
        }
    }

    private static async Task RestartAsync(GridSilo silo)
    {
        await Task.Delay(s_restart);
        await silo.StartAsync();
    }
}
