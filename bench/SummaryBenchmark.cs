using System.Globalization;
using System.Text;
using Ctwa.Bench.Measuring;
using Ctwa.Client.Output;

namespace Ctwa.Bench;

/// <summary>All comparing benchmarks, then one table of the goals; fails when a goal that is said to be reached is not.</summary>
internal static class SummaryBenchmark
{
    /// <summary>Runs it. `--kept NAME,NAME` before other options: lines of these come from docs/measurements.</summary>
    /// <returns>0; 1 if a goal marked reached no longer is, or its line is missing after a full run; 2 for wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        // What was measured before, by the same command or by a benchmark alone, may be taken as it was kept.
        string[] kept = args is ["--kept", var names, ..] ? names.Split(',') : [];
        if (kept.Except(ComparingBenchmarks.All.Select(benchmark => benchmark.Name)).FirstOrDefault() is { } unknown)
        {
            await Console.Error.WriteLineAsync($"--kept: '{unknown}' is none of {string.Join(", ", ComparingBenchmarks.All.Select(benchmark => benchmark.Name))}.");
            return 2;
        }

        if (BenchOptions.Parse(kept.Length > 0 ? args[2..] : args) is not { } options) { return 2; }
        List<(string Benchmark, Comparison Line)> lines = [];
        foreach (var benchmark in ComparingBenchmarks.All.Where(benchmark => Goals.All.Any(goal => goal.Benchmark == benchmark.Name)))
        {
            Console.WriteLine($"\n## {benchmark.Name}: {benchmark.Purpose}\n");
            if (kept.Contains(benchmark.Name))
            {
                lines.AddRange((await BenchmarkReport.KeptAsync(benchmark.Name)).Select(line => (benchmark.Name, line)));
                Console.WriteLine("as kept");
                continue;
            }

            var report = await BenchmarkReport.BeginAsync(benchmark.Name);
            await benchmark.MeasureAsync(report, options);
            await report.SaveAsync(options with { Json = null });
            lines.AddRange(report.Lines.Select(line => (benchmark.Name, line)));
        }

        var table = new StringBuilder("| | goal | measured | |\n|---|---|---|---|\n");
        bool holds = true;
        foreach (var goal in Goals.All)
        {
            var line = lines.FirstOrDefault(one => one.Benchmark == goal.Benchmark && one.Line.Key == goal.Key).Line;
            double? value = line is null ? null : Goal.ValueOf(line);
            string verdict = (value, goal.Reached) switch
            {
                (null, _) => line?.Skipped ?? (options.Quick || options.Only.Length > 0 ? "not part of this short run" : "not measured"),
                ({ } measured, true) when !goal.Holds(measured) => "NO LONGER REACHED",
                ({ }, true) => "reached",
                ({ } measured, _) => (goal.Holds(measured) ? "within it in this run" : "not reached") + (goal.InTheWay.Length > 0 ? ": " + goal.InTheWay : ""),
            };
            holds &= verdict != "NO LONGER REACHED" && (verdict != "not measured" || !goal.Reached);
            table.AppendLine(CultureInfo.InvariantCulture, $"| {goal.What} | {(goal.AtMost ? "≤" : "≥")} {goal.Bound.ToString(CultureInfo.InvariantCulture)} | {value?.ToString("0.###", CultureInfo.InvariantCulture)} | {verdict} |");
        }

        Console.WriteLine($"\n## Goals\n\n{table}");
        if (!options.Quick && options.Only.Length == 0) { Write(table.ToString(), await MachineDescription.ReadAsync(Checkout.Find())); }
        return holds ? 0 : 1;
    }

    private static void Write(string table, MachineDescription machine) =>
        new MarkedSection("goals").Replace(Path.Combine(Checkout.Find().Root, "docs", "performance.md"), $"{machine.Machine}\n{machine.Date}, {machine.Commit}\n\n{table}");
}
