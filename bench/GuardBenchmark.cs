using System.Globalization;
using System.Text.Json;
using Ctwa.Bench.Measuring;

namespace Ctwa.Bench;

/// <summary>
/// A short set of ratios against their committed bounds (bench/bounds.json). Both sides of every ratio run here and now, in turns, so the machine does not matter;
/// what is worse than its bound by more than a quarter is measured once more, and fails if it is so again.
/// </summary>
internal static class GuardBenchmark
{
    private const double Allowed = 1.25;

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Runs it.</summary>
    /// <returns>0, 1 if a ratio is worse than allowed, 2 for wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args.Length > 0)
        {
            await Console.Error.WriteLineAsync("usage: guard   (the bounds are in bench/bounds.json)");
            return 2;
        }

        var bounds = JsonSerializer.Deserialize<Bound[]>(await File.ReadAllTextAsync(Path.Combine(Checkout.Find().Root, "bench", "bounds.json")), s_json)!;
        var worse = await MeasureAsync(bounds);
        if (worse.Count > 0)
        {
            Console.WriteLine("\nonce more, what was worse than its bound:\n");
            worse = await MeasureAsync(worse);
        }

        Console.WriteLine(worse.Count == 0
            ? $"\nall {bounds.Length} ratios are within a quarter of their bounds"
            : $"\nWORSE THAN ITS BOUND BY MORE THAN A QUARTER, TWICE: {string.Join(", ", worse.Select(bound => bound.Key))}");
        return worse.Count == 0 ? 0 : 1;
    }

    /// <returns>Those that are worse than allowed.</returns>
    private static async Task<IReadOnlyList<Bound>> MeasureAsync(IReadOnlyList<Bound> bounds)
    {
        var worse = new List<Bound>();
        foreach (var part in bounds.GroupBy(bound => (bound.Benchmark, bound.Only)))
        {
            var benchmark = ComparingBenchmarks.All.Single(one => one.Name == part.Key.Benchmark);
            var report = await BenchmarkReport.BeginAsync(benchmark.Name);
            await benchmark.MeasureAsync(report, new BenchOptions(Quick: true, Only: part.Key.Only));
            foreach (var bound in part)
            {
                double ratio = Goal.ValueOf(report.Lines.Single(line => line.Key == bound.Key)) ?? throw new InvalidOperationException($"{bound.Key} has no ratio here.");
                bool within = bound.IsWithin(ratio, Allowed);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{bound.Key}: {ratio:0.000}, bound {(bound.AtMost ? "at most" : "at least")} {bound.Value}{(within ? "" : ": WORSE")}"));
                if (!within) { worse.Add(bound); }
            }
        }

        return worse;
    }

    /// <summary>One committed ratio.</summary>
    /// <param name="Benchmark">Which measures it.</param>
    /// <param name="Only">Its option --only.</param>
    /// <param name="Key">The line.</param>
    /// <param name="Value">What was measured when it was committed.</param>
    /// <param name="AtMost">Whether less is better.</param>
    private sealed record Bound(string Benchmark, string Only, string Key, double Value, bool AtMost)
    {
        public bool IsWithin(double ratio, double allowed) => AtMost ? ratio <= Value * allowed : ratio >= Value / allowed;
    }
}
