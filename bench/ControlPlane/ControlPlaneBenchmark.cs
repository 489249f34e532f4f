using System.Globalization;
using Ctwa.Bench.Measuring;
using Ctwa.Grains.Coordination;

namespace Ctwa.Bench.ControlPlane;

/// <summary>
/// What a step costs when its shards compute nothing: a coordinator on one of two silo processes gathers generate, score and
/// accumulate from thousands of simulated shards, with messages of the real kinds and sizes.
/// </summary>
internal static class ControlPlaneBenchmark
{
    private const double GoalMilliseconds = 150;

    private static readonly int[] s_sizes = [16, 256, 1_000, 10_000];

    public static ComparingBenchmark Comparing { get; } = new("control-plane", "what a step costs beside its computing: 16 to 10,000 simulated shards on two silos", MeasureAsync);

    private const string Help = """
        usage: control-plane [options]
        without options of its own: 16, 256, 1000 and 10000 shards, lines as those of other comparisons; else one size in detail:
          --shards N    simulated shards over two silos (default 10000)
          --steps N     measured steps per way (default 40; half as many come first)
        exit code 1 for one size: the fan-out's median is above the goal of 150 ms
        """;

    /// <summary>Runs the benchmark; with <c>--silo</c> it is one of its own silos.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args is ["--silo", var silo, var gateway, var primary])
        {
            await ControlPlaneSilo.RunAsync(int.Parse(silo, CultureInfo.InvariantCulture), int.Parse(gateway, CultureInfo.InvariantCulture), int.Parse(primary, CultureInfo.InvariantCulture));
            return 0;
        }

        if (!args.Any(arg => arg is "--shards" or "--steps"))
        {
            int code = await Comparing.RunAsync(args);
            if (code != 0) { await Console.Error.WriteLineAsync(Help); }
            return code;
        }

        if (Parse(args) is not var (shards, steps))
        {
            await Console.Error.WriteLineAsync(Help);
            return 2;
        }

        var checkout = Checkout.Find();
        var machine = await MachineDescription.ReadAsync(checkout);
        Console.WriteLine($"machine: {machine.Machine}; load {machine.Load}; commit {machine.Commit}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{shards} shards on 2 silo processes, {steps} steps of generate, score, accumulate; milliseconds per step"));
        Console.WriteLine($"{"calls",-34}{"p50",8}{"p95",8}{"max",8}   {"generate",9}{"score",9}{"accumulate",11}   {"CPU a",7}{"CPU b",7}   {"first",7}");
        await using var grid = await ControlPlaneGrid.StartAsync(checkout);
        await MeasureAsync(grid, "one per shard", shards, steps, fan: false);
        double best = await MeasureAsync(grid, "batches by silo (the trainer's)", shards, steps, fan: true);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"goal for the fan-out: at most {GoalMilliseconds} ms: {(best <= GoalMilliseconds ? "reached" : "NOT reached")}"));
        return best <= GoalMilliseconds ? 0 : 1;
    }

    /// <summary>The sizes, each as the trainer calls so many shards, and with a call per shard.</summary>
    private static async Task MeasureAsync(BenchmarkReport report, BenchOptions options)
    {
        int[] sizes = [.. s_sizes.Where(size => options.Wants(KeyOf(size)))];
        if (sizes.Length == 0) { return; }
        await using var grid = await ControlPlaneGrid.StartAsync(Checkout.Find());
        foreach (int shards in sizes)
        {
            int steps = options.RoundsOr(full: 40, quick: 10);
            bool fan = shards >= GrainBackend.FanFrom;
            var run = await grid.RunAsync(shards, steps, fan);
            report.Add(Comparison.Alone(KeyOf(shards), string.Create(CultureInfo.InvariantCulture, $"control of a step of {shards:N0} shards on two silos, {(fan ? "batches by silo" : "a call per shard")}"), "s", Figure.Of(run.Steps.Select(step => step.Sum() / 1e3)), grid.PeakBytes));
        }
    }

    private static string KeyOf(int shards) => FormattableString.Invariant($"control_{shards}");

    /// <returns>The median step, milliseconds.</returns>
    private static async Task<double> MeasureAsync(ControlPlaneGrid grid, string name, int shards, int steps, bool fan)
    {
        var (phases, cpu, cold) = await grid.RunAsync(shards, steps, fan);
        double[] sums = [.. phases.Select(step => step.Sum()).Order()];
        double[] parts = [.. Enumerable.Range(0, 3).Select(phase => Percentile([.. phases.Select(step => step[phase]).Order()], 0.5))];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-34}{Percentile(sums, 0.5),8:0.0}{Percentile(sums, 0.95),8:0.0}{sums[^1],8:0.0}   {parts[0],9:0.0}{parts[1],9:0.0}{parts[2],11:0.0}   {cpu[0],7:0}{cpu[1],7:0}   {cold,7:0}"));
        return Percentile(sums, 0.5);
    }

    private static double Percentile(double[] ordered, double share) => ordered[(int)Math.Min(ordered.Length - 1, Math.Floor(share * ordered.Length))];

    private static (int Shards, int Steps)? Parse(string[] args)
    {
        var (shards, steps) = (10_000, 40);
        for (int i = 0; i < args.Length; i += 2)
        {
            bool isNumber = int.TryParse(i + 1 < args.Length ? args[i + 1] : null, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0;
            switch (args[i])
            {
                case "--shards" when isNumber: shards = number; break;
                case "--steps" when isNumber: steps = number; break;
                default: return null;
            }
        }

        return (shards, steps);
    }
}
