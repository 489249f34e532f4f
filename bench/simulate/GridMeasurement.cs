using System.Diagnostics;
using System.Globalization;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Models;
using Ctwa.Training.Specification;

namespace Ctwa.Bench.Simulate;

/// <summary>What a real job of some steps on a real grid moved, by the silos' own counters.</summary>
/// <param name="Bytes">Tensor bytes received by all silos together.</param>
/// <param name="Calls">Calls between grains that all silos made.</param>
/// <param name="Seconds">From submission to the end.</param>
/// <param name="IdleCalls">Calls per second of the grid with no job: queues of streams, silos' looks at each other.</param>
/// <param name="Length">Elements of the job's flat vector.</param>
internal sealed record GridMeasurement(long Bytes, long Calls, double Seconds, double IdleCalls, long Length)
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(6);

    /// <summary>Runs the quick-start's job without its warm start and held-out measurements, twice with different numbers of steps.</summary>
    /// <param name="folder">Of the grid's logs and runs; new.</param>
    /// <param name="redis">Of the grid.</param>
    /// <param name="silos">N.</param>
    /// <param name="steps">Of the two runs.</param>
    /// <param name="overrides">More of the job's keys.</param>
    /// <exception cref="InvalidOperationException">A run failed.</exception>
    public static async Task<IReadOnlyList<GridMeasurement>> RunAsync(string folder, RedisServer redis, int silos, IReadOnlyList<int> steps, IReadOnlyList<string> overrides)
    {
        await using var grid = await LocalGrid.StartAsync(folder, redis, silos);
        var measured = new List<GridMeasurement>();
        var clock = Stopwatch.StartNew();
        long quiet = (await CountersAsync(grid)).Calls;
        await Task.Delay(s_idle);
        double idle = ((await CountersAsync(grid)).Calls - quiet) / clock.Elapsed.TotalSeconds;
        foreach (int count in steps)
        {
            var before = await CountersAsync(grid);
            clock.Restart();
            string run = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"run-{count}"));
            string[] keys = ["warm_start=null", "schedule.validate_every=0", "schedule.checkpoint_every=1000", "grid.straggler_factor=0", string.Create(CultureInfo.InvariantCulture, $"schedule.steps={count}"), .. overrides];
            await using var client = await grid.SubmitAsync(Path.Combine(Checkout.Find().Root, "examples", "quickstart.yaml"), run, [.. keys.SelectMany(key => (string[])["--set", key])]);
            int code = await client.WaitAsync(s_deadline);
            if (code != 0) { throw new InvalidOperationException($"a job of {count} steps on {silos} silos ended with exit code {code}:\n{client.ReadLog()}"); }
            double seconds = clock.Elapsed.TotalSeconds;
            var after = await CountersAsync(grid);
            string config = Directory.GetFiles(Path.Combine(run, "checkpoints"), "config.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Last();
            long length = FlatLayout.Of(ModelConfig.Read(config).Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray()))).Length;
            measured.Add(new GridMeasurement(after.Bytes - before.Bytes, after.Calls - before.Calls, seconds, idle, length));
        }

        return measured;
    }

    private static async Task<(long Bytes, long Calls)> CountersAsync(LocalGrid grid)
    {
        long bytes = 0, calls = 0;
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(20) };
        foreach (var silo in grid.Silos)
        {
            string text = await http.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{silo.HealthPort}/metrics")));
            bytes += Sum(text, "ctwa_channel_received_bytes_total");
            calls += Sum(text, "orleans_app_requests_latency_milliseconds_count");
        }

        return (bytes, calls);
    }

    /// <summary>Of all series of an instrument: lines such as <c>name{labels} value timestamp</c>.</summary>
    private static long Sum(string text, string name)
    {
        double sum = 0;
        foreach (string line in text.Split('\n'))
        {
            if (!line.StartsWith(name, StringComparison.Ordinal) || line.Length == name.Length || line[name.Length] is not ('{' or ' ')) { continue; }
            int end = line.LastIndexOf('}');
            sum += double.Parse(line[(end < 0 ? name.Length : end + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
        }

        return (long)sum;
    }
}
