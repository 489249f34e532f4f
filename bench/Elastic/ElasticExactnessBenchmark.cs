using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Native;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Bench.Elastic;

/// <summary>
/// Shows that a job has one result on any grid: SHA-256 of the weights and of the method's memory for one, two and three
/// silos, with a silo killed, with the coordinator's killed, with one joining, and resumed on another number, against <c>ctwa train</c>.
/// </summary>
internal static class ElasticExactnessBenchmark
{
    private const string Help = """
        usage: elastic-exactness [options]
          --quick          one method on few steps, and the odd sizes
          --methods A,B    of the quick-start (default: linear,ctwa,mgda,gradnorm)
          --steps N        of the quick-start's reinforcement learning (default 20)
          --seed N         of victims and moments (default 1)
          --output DIR     folder of the runs (default: a temporary folder, deleted unless something differs)
        The quick-start's warm start is trained once, without a grid; its runs go on from it. The job with odd sizes has its own.
        """;

    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(15);

    /// <summary>Runs the benchmark.</summary>
    /// <returns>0, 1 if anything differs or ended wrongly, 2 for wrong arguments, 3 if there is no Redis.</returns>
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

        TorchNative.EnsureLoaded();
        var checkout = Checkout.Find();
        var machine = await MachineDescription.ReadAsync(checkout);
        Console.WriteLine($"machine: {machine.Machine}; load {machine.Load}; {machine.Date}, commit {machine.Commit}; seed {options.Seed}");
        string folder = options.Output is { } chosen ? Directory.CreateDirectory(Path.GetFullPath(chosen)).FullName : Directory.CreateTempSubdirectory("ctwa-elastic-").FullName;
        await using var redis = await RedisServer.StartAsync();
        Console.WriteLine($"{"job",-20}{"run",-32}{"weights",-18}{"memory",-14}{"equal",-7}{"seconds",7}  what was done");
        bool equal = true;
        int number = 0;
        if (options.Methods.Count > 0)
        {
            string start = await WarmStartAsync(folder, options.Quick);
            foreach (string method in options.Methods)
            {
                string job = Path.Combine(MethodCase.ExamplesFolder, method + ".yaml");
                string[] overrides = [$"model={{path: {start}}}", "warm_start=null", string.Create(CultureInfo.InvariantCulture, $"schedule.steps={options.Steps}"), "schedule.checkpoint_every=5"];
                equal &= await CompareAsync($"{method}", job, overrides, Path.Combine(folder, method), redis, new SeededDice((ulong)options.Seed + ((ulong)++number << 32)));
            }
        }

        string odd = Directory.CreateDirectory(Path.Combine(folder, "odd-data")).FullName;
        equal &= await CompareAsync("ctwa, odd sizes", ExactnessJobs.Interrupted.WriteTo(odd), [], Path.Combine(folder, "odd"), redis, new SeededDice((ulong)options.Seed));
        Console.WriteLine(equal ? "all equal" : $"NOT EQUAL; the runs are in {folder}");
        if (equal && options.Output is null) { Directory.Delete(folder, recursive: true); }
        return equal ? 0 : 1;
    }

    private static async Task<bool> CompareAsync(string name, string job, string[] overrides, string folder, RedisServer redis, SeededDice dice)
    {
        Directory.CreateDirectory(folder);
        string[] options = [.. overrides.SelectMany(text => (string[])["--set", text])];
        var table = new Table(name);
        string alone = Path.Combine(folder, "train");
        bool equal = await table.AddAsync("ctwa train", async () =>
        {
            var result = await CtwaProcess.RunAsync(folder, ["train", job, "--output", alone, .. options]);
            return result.ExitCode == 0 ? (new RunFolder(alone), "") : throw new InvalidOperationException(result.ToString());
        });
        if (!equal) { return false; }
        var runs = new ElasticRuns(folder, redis, s_deadline);
        int lines = new RunFolder(alone).History.Count;
        foreach (var scenario in Enum.GetValues<ElasticScenario>())
        {
            equal &= await table.AddAsync(ElasticRuns.Describe(scenario), () => runs.RunAsync(scenario, scenario.ToString(), job, options, lines, dice));
        }

        return equal;
    }

    /// <returns>The quick-start's checkpoint after the supervised stage.</returns>
    private static async Task<string> WarmStartAsync(string folder, bool quick)
    {
        string path = Path.Combine(folder, "warm-start");
        var clock = Stopwatch.StartNew();
        if (!File.Exists(Path.Combine(path, "summary.json")))
        {
            string[] short_ = quick ? ["warm_start.steps=40"] : [];
            var read = JobSpecReader.Read(Path.Combine(MethodCase.ExamplesFolder, "linear.yaml"), ["schedule.steps=0", "schedule.validate_every=0", .. short_]);
            var spec = read.Spec ?? throw new InvalidOperationException(string.Join('\n', read.Errors));
            using var run = RunDirectory.Open(path, resume: false);
            await LocalTrainer.RunAsync(PreparedJob.Prepare(spec, run.Path), run, new Silence());
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"",-20}{"warm start, without a grid",-32}{clock.Elapsed.TotalSeconds,46:0.0}"));
        return new RunFolder(path).Checkpoints[0];
    }

    private static Options? Parse(string[] args)
    {
        var options = new Options();
        for (int i = 0; i < args.Length; i++)
        {
            string? value = i + 1 < args.Length ? args[i + 1] : null;
            bool isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
            switch (args[i])
            {
                case "--quick": options = options with { Quick = true, Methods = ["linear"], Steps = 6 }; continue;
                case "--steps" when isNumber && number > 1: options = options with { Steps = number }; break;
                case "--seed" when isNumber: options = options with { Seed = number }; break;
                case "--methods" when value is not null: options = options with { Methods = value.Split(',', StringSplitOptions.RemoveEmptyEntries) }; break;
                case "--output" when value is not null: options = options with { Output = value }; break;
                default: return null;
            }

            i++;
        }

        return options.Methods.All(method => File.Exists(Path.Combine(MethodCase.ExamplesFolder, method + ".yaml"))) ? options : null;
    }

    private sealed record Options
    {
        public bool Quick { get; init; }

        public int Steps { get; init; } = 20;

        public int Seed { get; init; } = 1;

        public IReadOnlyList<string> Methods { get; init; } = ["linear", "ctwa", "mgda", "gradnorm"];

        public string? Output { get; init; }
    }

    /// <summary>Rows of one job; the first gives what the others must have.</summary>
    private sealed class Table(string job)
    {
        private RunFolder? _first;

        public async Task<bool> AddAsync(string name, Func<Task<(RunFolder Run, string Note)>> train)
        {
            var clock = Stopwatch.StartNew();
            try
            {
                var (run, note) = await train();
                _first ??= run;
                bool history = run.History.SequenceEqual(_first.History);
                bool equal = run.ModelHash == _first.ModelHash && run.ScalarizerState == _first.ScalarizerState && history;
                Print(name, run.ModelHash[..16], Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(run.ScalarizerState)))[..12], equal ? "yes" : "NO", clock, history ? note : note + "; another history in metrics.jsonl");
                return equal;
            }
            catch (Exception failure) when (failure is InvalidOperationException or TimeoutException or IOException)
            {
                Print(name, "FAILED", "", "NO", clock, failure.Message);
                return false;
            }
        }

        private void Print(string name, string weights, string memory, string equal, Stopwatch clock, string note) =>
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{job,-20}{name,-32}{weights,-18}{memory,-14}{equal,-7}{clock.Elapsed.TotalSeconds,7:0.0}  {note}"));
    }
}
