using System.Globalization;
using System.Reflection;
using Ctwa.Bench.Measuring;
using Ctwa.Bench.Runs;
using Ctwa.Training.Native;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Bench.Grid;

/// <summary>
/// A step of a job by a grid of one silo against the same step by <see cref="LocalTrainer"/>, and by two lanes against one: processes
/// that take turns, seconds from one line of metrics.jsonl to the next, start-up left out. All must end with the same bits.
/// </summary>
internal static class GridBenchmark
{
    public static ComparingBenchmark Comparing { get; } = new("grid", "a step on a grid of one silo against LocalTrainer, and two lanes against one", MeasureAsync);

    private static readonly string[] s_contestants = ["LocalTrainer", "grid, 1 lane", "grid, 2 lanes"];

    /// <summary>Runs the benchmark; with <c>--local JOB RUN</c> it is one of its own contestants: LocalTrainer, in a process of its own as a silo is.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args is not ["--local", var job, var folder]) { return await Comparing.RunAsync(args); }
        TorchNative.EnsureLoaded();
        using var run = RunDirectory.Open(folder, resume: false);
        await LocalTrainer.RunAsync(PreparedJob.Prepare(JobSpecReader.Read(job, []).Spec!, run.Path), run, new Silence());
        return 0;
    }

    private static async Task MeasureAsync(BenchmarkReport report, BenchOptions options)
    {
        foreach (var job in GridJob.All(options.Quick))
        {
            string[] keys = ["grid_vs_local" + job.Suffix, "grid_vs_local_supervised" + job.Suffix, "two_lanes" + job.Suffix];
            if (keys.Any(options.Wants)) { await MeasureAsync(report, options, job, keys); }
        }
    }

    private static async Task MeasureAsync(BenchmarkReport report, BenchOptions options, GridJob job, string[] keys)
    {
        string folder = Directory.CreateTempSubdirectory("ctwa-grid-").FullName;
        string file = job.WriteTo(folder);
        int rounds = options.RoundsOr(full: 5, quick: 2);
        var runs = s_contestants.Select(_ => new List<TimedRun>()).ToArray();
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < s_contestants.Length; i++)
            {
                int turn = round % 2 == 0 ? i : s_contestants.Length - 1 - i;
                runs[turn].Add(await RunAsync(file, Path.Combine(folder, FormattableString.Invariant($"{turn}-{round}")), lanes: turn));
            }
        }

        string[] hashes = [.. runs.SelectMany(all => all).Select(run => run.ModelHash).Distinct()];
        if (hashes.Length != 1) { throw new InvalidOperationException($"{job.What}: the contestants' weights differ ({string.Join(", ", hashes.Select(hash => hash[..12]))}); the runs are in {folder}."); }
        double[][] steps = [.. runs.Select(all => all.Select(run => run.Arrivals.SecondsPerStep("rl", job.Skip, job.Steps)).ToArray())];
        double[][] supervised = [.. runs.Select(all => all.Select(run => run.Arrivals.SecondsPerStep("supervised", job.SupervisedSteps / 2, job.SupervisedSteps)).ToArray())];
        long? peak = runs[1].Max(run => run.PeakBytes);
        Comparison[] lines =
        [
            Comparison.OfTimes(keys[0], $"{job.What}: a step of reinforcement learning, grid of one silo with one lane, same bits", steps[1], s_contestants[0], steps[0], peak: peak),
            Comparison.OfTimes(keys[1], $"{job.What}: a supervised step, likewise", supervised[1], s_contestants[0], supervised[0], peak: peak),
            Comparison.OfRates(keys[2], $"{job.What}: steps with two lanes, same bits", "steps/s", 1, steps[2], s_contestants[1], steps[1], peak: runs[2].Max(run => run.PeakBytes)),
        ];
        foreach (var line in lines.Where(line => options.Wants(line.Key))) { report.Add(line); }
        Console.WriteLine(Phases(job, runs));
        Directory.Delete(folder, recursive: true);
    }

    private static Task<TimedRun> RunAsync(string job, string folder, int lanes)
    {
        var checkout = Checkout.Find();
        string[] command = lanes == 0
            ? [Assembly.GetExecutingAssembly().Location, "grid", "--local", job, folder]
            : [checkout.Client, "train", job, "--output", folder, "--lanes", lanes.ToString(CultureInfo.InvariantCulture)];
        return TimedRun.ExecuteAsync(checkout, command, folder);
    }

    /// <summary>Where a step's time goes: medians over the runs, milliseconds; <c>between</c> is what no line speaks of.</summary>
    private static string Phases(GridJob job, List<TimedRun>[] runs)
    {
        var means = runs.Select(all => all.Select(run =>
        {
            var phases = new Dictionary<string, double>(run.Arrivals.Phases("rl", job.Skip, job.Steps));
            phases["between"] = run.Arrivals.SecondsPerStep("rl", job.Skip, job.Steps) - phases["step"];
            return phases;
        }).ToArray()).ToArray();
        string[] names = [.. means[0][0].Keys];
        return $"\n  ms of a step ({job.What}): " + string.Join("; ", s_contestants.Select((name, i) => $"{name}: " + string.Join(", ", names.Select(phase => string.Create(CultureInfo.InvariantCulture, $"{phase} {1e3 * Figure.MedianOf(means[i].Select(one => one.GetValueOrDefault(phase))):0.0}"))))) + "\n";
    }
}
