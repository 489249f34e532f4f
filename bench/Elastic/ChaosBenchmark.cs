using System.Globalization;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;

namespace Ctwa.Bench.Elastic;

/// <summary>Seeded single faults on a small job; times of recovery; goodput at one kill per minute.</summary>
internal static class ChaosBenchmark
{
    private const string Help = """
        usage: chaos [options]
          --seeds N            runs with one fault each (default 100)
          --seed S             the first one's seed (default 1); --seed S --seeds 1 repeats one
          --kinds A,B          only these kinds of faults
          --minutes N          of the goodput measurement (default 5; 0: none)
          --output DIR         folder of the runs (default: a temporary folder, deleted unless something went wrong)
        """;

    /// <summary>Runs the benchmark.</summary>
    /// <returns>0, 1 if anything differs or hangs, 2 for wrong arguments, 3 if there is no Redis.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (Parse(args) is not { } options)
        {
            await Console.Error.WriteLineAsync(Help);
            return 2;
        }

        if ((await RedisBinary.GetAsync()).WhyNot is { } whyNot)
        {
            await Console.Error.WriteLineAsync(whyNot + ".");
            return 3;
        }

        var machine = await MachineDescription.ReadAsync(Checkout.Find());
        Console.WriteLine($"machine: {machine.Machine}; load {machine.Load}; {machine.Date}, commit {machine.Commit}");
        string folder = options.Output is { } chosen ? Directory.CreateDirectory(Path.GetFullPath(chosen)).FullName : Directory.CreateTempSubdirectory("ctwa-chaos-").FullName;
        bool good = options.Seeds == 0 || await FaultsAsync(folder, options);
        if (options.Minutes > 0) { good &= await GoodputMeasurement.RunAsync(Path.Combine(folder, "goodput"), TimeSpan.FromMinutes(options.Minutes), options.Seed); }
        if (!good) { Console.WriteLine($"the runs are in {folder}"); }
        if (good && options.Output is null) { Directory.Delete(folder, recursive: true); }
        return good ? 0 : 1;
    }

    private static async Task<bool> FaultsAsync(string folder, Options options)
    {
        var results = new List<ChaosResult>();
        await using (var loop = await ChaosLoop.StartAsync(Path.Combine(folder, "faults"), ExactnessJobs.Interrupted.WriteTo(Directory.CreateDirectory(Path.Combine(folder, "data")).FullName), silos: 3, Console.WriteLine))
        {
            for (int seed = options.Seed; seed < options.Seed + options.Seeds; seed++)
            {
                results.Add(await loop.RunAsync(Fault.Of(seed, silos: 3, options.Kinds)));
                Console.WriteLine(results[^1]);
            }
        }

        Console.WriteLine();
        Console.WriteLine($"{"fault",-18}{"runs",5}{"equal",7}{"failed",8}{"skipped",9}{"seconds",9}   {"detected s",11}{"next step s: p50",18}{"max",7}");
        foreach (var kind in results.GroupBy(result => result.Fault.Kind).OrderBy(group => group.Key)) { Row(kind.Key.ToString(), [.. kind]); }
        Row("all", results);
        var after = results.Where(result => result.NextStepSeconds is not null && result.DetectedSeconds is not null).Select(result => result.NextStepSeconds!.Value - result.DetectedSeconds!.Value).ToArray();
        if (after.Length > 0) { Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"from detection to the next completed step: median {Middle(after):0.0} s, longest {after.Max():0.0} s (goal: at most 10 s)")); }
        return results.All(result => result.Failure is null);
    }

    private static void Row(string name, IReadOnlyList<ChaosResult> results)
    {
        double[] next = [.. results.Select(result => result.NextStepSeconds).OfType<double>()], detected = [.. results.Select(result => result.DetectedSeconds).OfType<double>()];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-18}{results.Count,5}{results.Count(result => result.IsGood),7}{results.Count(result => result.Failure is not null),8}{results.Count(result => result.Skipped is not null),9}{results.Average(result => result.Seconds),9:0.0}   {(detected.Length > 0 ? Middle(detected) : double.NaN),11:0.0}{(next.Length > 0 ? Middle(next) : double.NaN),18:0.0}{(next.Length > 0 ? next.Max() : double.NaN),7:0.0}"));
    }

    private static double Middle(double[] values) => values.Order().ElementAt(values.Length / 2);

    private static Options? Parse(string[] args)
    {
        var options = new Options();
        for (int i = 0; i < args.Length; i += 2)
        {
            string? value = i + 1 < args.Length ? args[i + 1] : null;
            bool isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
            switch (args[i])
            {
                case "--seeds" when isNumber: options = options with { Seeds = number }; break;
                case "--seed" when isNumber: options = options with { Seed = number }; break;
                case "--minutes" when isNumber: options = options with { Minutes = number }; break;
                case "--kinds" when value is not null && Kinds(value) is { } kinds: options = options with { Kinds = kinds }; break;
                case "--output" when value is not null: options = options with { Output = value }; break;
                default: return null;
            }
        }

        return options;
    }

    private static FaultKind[]? Kinds(string names)
    {
        FaultKind?[] kinds = [.. names.Split(',').Select(name => Enum.TryParse(name, ignoreCase: true, out FaultKind kind) ? kind : (FaultKind?)null)];
        return kinds.Contains(null) ? null : [.. kinds.OfType<FaultKind>()];
    }

    private sealed record Options
    {
        public int Seeds { get; init; } = 100;

        public int Seed { get; init; } = 1;

        public int Minutes { get; init; } = 5;

        public IReadOnlyList<FaultKind>? Kinds { get; init; }

        public string? Output { get; init; }
    }
}
