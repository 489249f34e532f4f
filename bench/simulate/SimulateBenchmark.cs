using System.Diagnostics;
using System.Text.Json;

namespace Ctwa.Bench.Simulate;

/// <summary>A step on up to a thousand devices, on paper: its calls and transfers replayed, computing replaced by measured durations. See docs/scaling.md.</summary>
internal static class SimulateBenchmark
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, NewLine = "\n", NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <returns>0; 1: a comparison with what was measured failed; 2: wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (SimulateOptions.Parse(args) is not { } options) { return 2; }
        if (options.Validate) { return await ScaleValidation.RunAsync(options.Quick) ? 0 : 1; }
        if (options.UpdateDocs)
        {
            ScalingDocument.Write();
            return 0;
        }

        var results = Simulate(options, progress: true);
        Console.WriteLine(SimulationTable.Of(results, options.Weak, options.Machine.Devices));
        if (options.Json is { } file)
        {
            await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new { job = options.Job, machine = options.Machine, changes = options.Changes, weak = options.Weak, steps = results }, s_json) + "\n");
            Console.WriteLine($"written to {file}");
        }

        return 0;
    }

    /// <summary>Every size, one after the other.</summary>
    public static IReadOnlyList<StepResult> Simulate(SimulateOptions options, bool progress = false)
    {
        var results = new List<StepResult>();
        foreach (int silos in options.Sizes)
        {
            var clock = Stopwatch.StartNew();
            results.Add(StepSimulation.Run(options.JobAt(silos), options.Machine, options.Changes, silos));
            if (progress && clock.Elapsed > TimeSpan.FromSeconds(5)) { Console.Error.WriteLine(FormattableString.Invariant($"{silos} silos simulated in {clock.Elapsed.TotalSeconds:0} s")); }
        }

        return results;
    }
}
