using System.Globalization;
using Ctwa.Bench.Measuring;
using Ctwa.Bench.Runs;

namespace Ctwa.Bench.Startup;

/// <summary>From the command to the first trained step, built: <c>ctwa train examples/quickstart.yaml</c> with a first stage of one step.</summary>
internal static class StartupBenchmark
{
    public static ComparingBenchmark Comparing { get; } = new("startup", "command to first trained step, and where that time goes", MeasureAsync);

    private static async Task MeasureAsync(BenchmarkReport report, BenchOptions options)
    {
        var checkout = Checkout.Find();
        string folder = Directory.CreateTempSubdirectory("ctwa-startup-").FullName;
        var times = new Dictionary<string, List<double>>();
        int rounds = options.RoundsOr(full: 7, quick: 3);
        long peak = 0;
        // The first run reads files from the disk that later ones find in the system's cache.
        for (int round = -1; round < rounds; round++)
        {
            var (parts, bytes) = await RunAsync(checkout, Path.Combine(folder, round.ToString(CultureInfo.InvariantCulture)));
            peak = Math.Max(peak, bytes);
            if (round < 0) { continue; }
            foreach (var (key, seconds) in parts)
            {
                if (!times.TryGetValue(key, out var all)) { times[key] = all = []; }
                all.Add(seconds);
            }
        }

        Directory.Delete(folder, recursive: true);
        foreach (var (key, what) in s_lines.Where(line => options.Wants(line.Key))) { report.Add(Comparison.Alone(key, what, "s", Figure.Of(times[key]), key == First ? peak : null)); }
    }

    private const string First = "startup_first_step";

    private static readonly (string Key, string What)[] s_lines =
    [
        (First, "command to first trained step, as printed"),
        ("startup_client", "- client: to the start of the silo (runtime, job read and checked)"),
        ("startup_silo", "- silo: from its start to its ready line (runtime, libtorch, Orleans)"),
        ("startup_connect", "- client connects; the coordinator takes the job"),
        ("startup_load", "- data, tokenizer, lanes, model made"),
        ("startup_step", "- first step done and printed"),
        ("startup_first_rl_step", "command to first step of reinforcement learning (after one supervised step, a checkpoint and the measurement before it)"),
    ];

    private static async Task<(Dictionary<string, double> Parts, long PeakBytes)> RunAsync(Checkout checkout, string folder)
    {
        string log = Path.Combine(folder, "silo.log");
        // The client makes the silo's log just before it starts the silo.
        Milestone silo = new("silo started", () => File.Exists(log));
        Milestone ready = new("silo ready", () => Contains(log, "ctwa-silo ready"));
        Milestone taken = new("job taken", () => File.Exists(Path.Combine(folder, "job.yaml")));
        var run = await TimedRun.ExecuteAsync(
            checkout, [checkout.Client, "train", Path.Combine(checkout.Root, "examples", "quickstart.yaml"), "--output", folder, "--set", "warm_start.steps=1", "--set", "schedule.steps=1"], folder, silo, ready, taken);
        double loaded = run.WhenPrinted(" parameters, "), first = run.WhenPrinted("supervised 1/1");
        return (new Dictionary<string, double>
        {
            [First] = first,
            ["startup_client"] = run.When(silo),
            ["startup_silo"] = run.When(ready) - run.When(silo),
            ["startup_connect"] = run.When(taken) - run.When(ready),
            ["startup_load"] = loaded - run.When(taken),
            ["startup_step"] = first - loaded,
            ["startup_first_rl_step"] = run.WhenPrinted("step 1/1"),
        }, run.PeakBytes ?? 0);
    }

    private static bool Contains(string path, string text)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd().Contains(text, StringComparison.Ordinal);
    }
}
