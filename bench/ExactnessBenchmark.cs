using System.Diagnostics;
using System.Globalization;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Native;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Bench;

/// <summary>
/// Shows that a job has one result: the SHA-256 of the last checkpoint's model.safetensors over two runs, one and two
/// lanes, no grid at all, and a number of SIGKILLs with resumes, through the real executable.
/// </summary>
internal static class ExactnessBenchmark
{
    private const string Help = """
        usage: exactness [options]
          --kills N     SIGKILLs of client, silo or both (default 20)
          --seed N      of victims and moments (default 1)
          --output DIR  keep the runs there (default: a temporary folder, deleted unless something differs)
        """;

    /// <summary>Runs the benchmark.</summary>
    /// <returns>0, 1 if any result differs or a run ended wrongly, 2 for wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (Parse(args) is not { } options)
        {
            await Console.Error.WriteLineAsync(Help);
            return 2;
        }

        TorchNative.EnsureLoaded();
        string folder = options.Output is { } chosen ? Directory.CreateDirectory(chosen).FullName : Directory.CreateTempSubdirectory("ctwa-exactness-").FullName;
        bool equal = true;
        Console.WriteLine($"{"job",-26}{"run",-34}{"sha-256",-18}{"equal",-7}{"seconds",7}");
        foreach (var job in ExactnessJobs.All) { equal &= await CompareAsync(job, Path.Combine(folder, job.Name.Replace(' ', '-').Replace(",", "", StringComparison.Ordinal))); }
        if (options.Kills > 0) { equal &= await KillAsync(ExactnessJobs.Interrupted, Path.Combine(folder, "killed"), options); }
        Console.WriteLine(equal ? "all equal" : $"NOT EQUAL; the runs are in {folder}");
        if (equal && options.Output is null) { Directory.Delete(folder, recursive: true); }
        return equal ? 0 : 1;
    }

    private static async Task<bool> CompareAsync(ExactnessJob job, string folder)
    {
        Directory.CreateDirectory(folder);
        string file = job.WriteTo(folder);
        var table = new Table(job.Name);
        await table.AddAsync("LocalTrainer", () => TrainLocallyAsync(file, Path.Combine(folder, "local")));
        foreach (var (name, lanes) in ((string, string)[])[("grid, 1 lane", "1"), ("grid, 2 lanes", "2"), ("grid, 2 lanes again", "2")])
        {
            await table.AddAsync(name, () => TrainAsync(file, Path.Combine(folder, name.Replace(' ', '-').Replace(",", "", StringComparison.Ordinal)), lanes));
        }

        return table.AllEqual;
    }

    private static async Task<bool> KillAsync(ExactnessJob job, string folder, Options options)
    {
        Directory.CreateDirectory(folder);
        var clock = Stopwatch.StartNew();
        try
        {
            var runs = await new KillLoop(folder, job.WriteTo(folder), options.Seed, line => Console.WriteLine("  " + line)).RunAsync(options.Kills);
            var table = new Table(job.Name);
            foreach (var run in runs) { table.Add(Path.GetFileName(run.FullPath), run, seconds: null); }
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{options.Kills} kills in {runs.Count - 1} runs, {clock.Elapsed.TotalSeconds:0} s; one history in every metrics.jsonl, no silo left behind"));
            return table.AllEqual;
        }
        catch (Exception difference) when (difference is KillLoopException or TimeoutException)
        {
            Console.WriteLine(difference.Message);
            return false;
        }
    }

    private static async Task<RunFolder> TrainAsync(string job, string run, string lanes)
    {
        var result = await CtwaProcess.RunAsync(Path.GetDirectoryName(job)!, "train", job, "--output", run, "--lanes", lanes);
        return result.ExitCode == 0 ? new RunFolder(run) : throw new InvalidOperationException($"the run {run} failed: {result}");
    }

    private static async Task<RunFolder> TrainLocallyAsync(string job, string path)
    {
        var spec = JobSpecReader.Read(job, []).Spec ?? throw new InvalidOperationException($"{job} is not a job.");
        using var run = RunDirectory.Open(path, resume: false);
        await LocalTrainer.RunAsync(PreparedJob.Prepare(spec, run.Path), run, new Silence());
        return new RunFolder(path);
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
                case "--kills" when isNumber: options = options with { Kills = number }; break;
                case "--seed" when isNumber: options = options with { Seed = number }; break;
                case "--output" when value is not null: options = options with { Output = value }; break;
                default: return null;
            }
        }

        return options;
    }

    private sealed record Options
    {
        public int Kills { get; init; } = 20;

        public int Seed { get; init; } = 1;

        public string? Output { get; init; }
    }

    /// <summary>Rows of one job; the first gives the weights and the history that the others must have.</summary>
    private sealed class Table(string job)
    {
        private RunFolder? _first;

        public bool AllEqual { get; private set; } = true;

        public async Task AddAsync(string name, Func<Task<RunFolder>> train)
        {
            var clock = Stopwatch.StartNew();
            Add(name, await train(), clock.Elapsed.TotalSeconds);
        }

        public void Add(string name, RunFolder run, double? seconds)
        {
            _first ??= run;
            bool equal = run.ModelHash == _first.ModelHash && run.History.SequenceEqual(_first.History);
            AllEqual &= equal;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{job,-26}{name,-34}{run.ModelHash[..16],-18}{(equal ? "yes" : "NO"),-7}{seconds,7:0.0}"));
        }
    }
}
