using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Native;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Bench;

/// <summary>
/// Every method, in both modes where it has them, at the quick-start's own size: finite, and one SHA-256 without a grid, on one
/// and two lanes, and killed and resumed.
/// </summary>
internal static class MethodsBenchmark
{
    private const string Help = """
        usage: methods [options]
          --steps N        steps of reinforcement learning (default 30)
          --methods A,B    only these (default: every example in examples/arithmetic)
          --seed N         of the moments of the kills (default 1)
          --output DIR     folder of the runs (default: a temporary folder, deleted unless something differs)
        The warm start is trained once, without a grid; all runs go on from it.
        """;

    /// <summary>Runs the benchmark.</summary>
    /// <returns>0, 1 if anything differs, is not finite or ended wrongly, 2 for wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (Parse(args) is not { } options)
        {
            await Console.Error.WriteLineAsync(Help);
            return 2;
        }

        TorchNative.EnsureLoaded();
        string folder = options.Output is { } chosen ? Directory.CreateDirectory(chosen).FullName : Directory.CreateTempSubdirectory("ctwa-methods-").FullName;
        var cases = MethodCase.All(text => JobSpecReader.ReadText("job", text, []).Spec is not null).Where(method => options.Methods.Count == 0 || options.Methods.Contains(method.Name)).ToArray();
        if (cases.Length == 0)
        {
            await Console.Error.WriteLineAsync($"no example in {MethodCase.ExamplesFolder} has one of these names: {string.Join(", ", options.Methods)}\n{Help}");
            return 2;
        }

        Console.WriteLine($"machine: {(await MachineDescription.ReadAsync(Checkout.Find())).Machine}");
        string start = await WarmStartAsync(cases[0], folder);
        bool equal = true;
        Console.WriteLine($"{"method",-24}{"run",-22}{"sha-256",-18}{"equal",-7}{"seconds",8}");
        for (int i = 0; i < cases.Length; i++) { equal &= await CompareAsync(cases[i], start, folder, options.Steps, KillAfter(options, i)); }
        Console.WriteLine(equal ? $"all {cases.Length} equal and finite" : $"NOT EQUAL; the runs are in {folder}");
        if (equal && options.Output is null) { Directory.Delete(folder, recursive: true); }
        return equal ? 0 : 1;
    }

    /// <returns>The checkpoint after the supervised stage.</returns>
    private static async Task<string> WarmStartAsync(MethodCase method, string folder)
    {
        string path = Path.Combine(folder, "warm-start");
        var clock = Stopwatch.StartNew();
        if (!File.Exists(Path.Combine(path, "summary.json"))) { await TrainLocallyAsync(Example(method), ["scalarizer={method: linear}", "schedule.steps=0", "schedule.validate_every=0"], path); }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"warm start: {clock.Elapsed.TotalSeconds:0} s"));
        return new RunFolder(path).Checkpoints[0];
    }

    private static async Task<bool> CompareAsync(MethodCase method, string start, string folder, int steps, int killAfter)
    {
        string own = Directory.CreateDirectory(Path.Combine(folder, method.ToString().Replace(' ', '-'))).FullName, job = Path.Combine(own, "job.yaml");
        string example = File.ReadAllText(Example(method)), plain = MethodCase.All(_ => false).Single(other => other.Name == method.Name).Scalarizer;
        await File.WriteAllTextAsync(job, example.Replace(plain, method.Scalarizer, StringComparison.Ordinal));
        // Weights that sum to exactly 1 are what reference modes ask for.
        string[] overrides = [$"model={{path: {start}}}", "warm_start=null", FormattableString.Invariant($"schedule.steps={steps}"), "objectives[0].weight=0.5", "objectives[1].weight=0.25", "objectives[2].weight=0.25"];
        string[] options = [.. overrides.SelectMany(text => (string[])["--set", text])];
        RunFolder? first = null;
        bool equal = true;
        foreach (string name in (string[])["LocalTrainer", "grid, 1 lane", "grid, 2 lanes", "killed and resumed"])
        {
            string path = Path.Combine(own, name.Replace(' ', '-').Replace(",", "", StringComparison.Ordinal));
            if (Directory.Exists(path)) { Directory.Delete(path, recursive: true); }
            var clock = Stopwatch.StartNew();
            try
            {
                switch (name)
                {
                    case "LocalTrainer": await TrainLocallyAsync(job, overrides, path); break;
                    case "killed and resumed": await KillAndResumeAsync(own, job, options, path, steps, killAfter); break;
                    default: Expect(await CtwaProcess.RunAsync(own, ["train", job, "--output", path, "--lanes", name[6..7], .. options]), 0); break;
                }

                var run = new RunFolder(path);
                first ??= run;
                bool same = run.ModelHash == first.ModelHash && run.History.SequenceEqual(first.History) && Scalarizer(run) == Scalarizer(first);
                equal &= same;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{method,-24}{name,-22}{run.ModelHash[..16],-18}{(same ? "yes" : "NO"),-7}{clock.Elapsed.TotalSeconds,8:0.0}"));
            }
            catch (Exception failure) when (failure is InvalidOperationException or TimeoutException or NumericFailureException or JobInputException or ArgumentException)
            {
                equal = false;
                Console.WriteLine($"{method,-24}{name,-22}FAILED: {failure.Message}");
            }
        }

        return equal;
    }

    /// <summary>A step for each method, early and late, from the seed alone; not among the last, which a killed client may not live to see.</summary>
    private static int KillAfter(Options options, int method) => 1 + (int)((7919L * (options.Seed + 1) + 104_729L * method) % Math.Max(1, options.Steps - 4));

    private static async Task KillAndResumeAsync(string folder, string job, string[] options, string path, int steps, int step)
    {
        await using (var client = CtwaProcess.Start(folder, ["train", job, "--output", path, "--lanes", "2", .. options]))
        {
            if (!await client.WaitForOutputAsync($"step {step.ToString(CultureInfo.InvariantCulture).PadLeft(steps.ToString(CultureInfo.InvariantCulture).Length)}/{steps}")) { throw new InvalidOperationException($"it ended early: {await client.Exited}"); }
            client.FindSilo()?.Send(UnixSignal.Kill);
            client.Client.Send(UnixSignal.Kill);
            Expect(await client.WaitAsync(), 128 + (int)UnixSignal.Kill);
            await client.WaitForSiloToLeaveAsync(TimeSpan.FromSeconds(30));
        }

        Expect(await CtwaProcess.RunAsync(folder, "train", "--resume", path, "--lanes", "1"), 0);
    }

    private static async Task TrainLocallyAsync(string job, IReadOnlyList<string> overrides, string path)
    {
        var read = JobSpecReader.Read(job, overrides);
        var spec = read.Spec ?? throw new InvalidOperationException(string.Join('\n', read.Errors));
        using var run = RunDirectory.Open(path, resume: false);
        await LocalTrainer.RunAsync(PreparedJob.Prepare(spec, run.Path), run, new Silence());
    }

    private static string Example(MethodCase method) => Path.Combine(MethodCase.ExamplesFolder, method.Name + ".yaml");

    private static string Scalarizer(RunFolder run) => JsonNode.Parse(File.ReadAllText(Path.Combine(run.LastCheckpoint, "state.json")))!["scalarizer"]!.ToJsonString();

    private static void Expect(CtwaResult result, int exitCode)
    {
        if (result.ExitCode != exitCode) { throw new InvalidOperationException($"expected exit code {exitCode}, but: {result}"); }
    }

    private static Options? Parse(string[] args)
    {
        var options = new Options();
        for (int i = 0; i < args.Length; i += 2)
        {
            string? value = i + 1 < args.Length ? args[i + 1] : null;
            bool isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
            switch (args[i])
            {
                case "--steps" when isNumber && number > 1: options = options with { Steps = number }; break;
                case "--seed" when isNumber: options = options with { Seed = number }; break;
                case "--methods" when value is not null: options = options with { Methods = value.Split(',') }; break;
                case "--output" when value is not null: options = options with { Output = value }; break;
                default: return null;
            }
        }

        return options;
    }

    private sealed record Options
    {
        public int Steps { get; init; } = 30;

        public int Seed { get; init; } = 1;

        public IReadOnlyList<string> Methods { get; init; } = [];

        public string? Output { get; init; }
    }
}
