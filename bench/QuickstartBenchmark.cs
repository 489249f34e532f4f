using System.Globalization;
using Ctwa.Client.Output;
using Ctwa.Training.Specification;

namespace Ctwa.Bench;

/// <summary>
/// Runs the quick-start job for several seeds and methods through the real command and writes what came of it into
/// docs/quickstart.md. Every number there is read from the runs' own files or from a clock here.
/// </summary>
internal static class QuickstartBenchmark
{
    private const string Help = """
        usage: quickstart [options]
          --seeds 1,2,3          seeds of the job (default 1,2,3)
          --methods linear,ctwa  scalarizer methods (default linear,ctwa)
          --set KEY=VALUE        override for every run; may be repeated
          --parallel N           runs at a time (default 1); each then gets its share of the cores as lanes
          --job FILE             job file (default examples/quickstart.yaml)
          --output DIR           folder for the run directories (default runs/bench-quickstart-DATE-TIME)
          --document FILE        Markdown file to write between its markers (default docs/quickstart.md); none: print only
        """;

    private static readonly MarkedSection Results = new("results");

    /// <summary>Runs the benchmark.</summary>
    /// <returns>0, 1 if a run failed (nothing is written then), 2 for wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args.Contains("--help") || args.Contains("-h"))
        {
            Console.WriteLine(Help);
            return 0;
        }

        QuickstartOptions options;
        try
        {
            options = QuickstartOptions.Parse(args);
        }
        catch (ArgumentException error)
        {
            await Console.Error.WriteLineAsync($"error: {error.Message}\n{Help}");
            return 2;
        }

        var checkout = Checkout.Find();
        string jobPath = Path.GetFullPath(options.Job ?? Path.Combine(checkout.Root, "examples", "quickstart.yaml"));
        if (OwnMethod(jobPath) is not { } ownMethod) { return 2; }
        string document = Path.GetFullPath(options.Document ?? Path.Combine(checkout.Root, "docs", "quickstart.md"));
        if (options.Writes && Results.Missing(document) is { } missing)
        {
            await Console.Error.WriteLineAsync($"error: {missing}; add them where the results belong, or give --document none.");
            return 2;
        }

        string folder = Path.GetFullPath(options.Output ?? Path.Combine(checkout.Root, "runs", $"bench-quickstart-{TimeProvider.System.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}"));
        var machine = await MachineDescription.ReadAsync(checkout);
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, press) =>
        {
            // The runs get the signal too and write their checkpoints; here it only ends the waiting for more.
            press.Cancel = true;
            stop.Cancel();
        };

        var runs = await RunAllAsync(options, checkout, jobPath, ownMethod, folder, stop.Token);
        if (runs is null) { return 1; }
        string text = QuickstartReport.Write(runs, machine, CommandLine(args), options.Parallel);
        if (options.Writes)
        {
            Results.Replace(document, text);
            Console.WriteLine($"results written to {document}");
        }

        Console.WriteLine();
        Console.WriteLine(text);
        return 0;
    }

    private static async Task<QuickstartRun[]?> RunAllAsync(QuickstartOptions options, Checkout checkout, string jobPath, string ownMethod, string folder, CancellationToken stop)
    {
        (int Seed, string Method)[] wanted = [.. options.Seeds.SelectMany(seed => options.Methods.Select(method => (seed, method)))];
        var runs = new QuickstartRun?[wanted.Length];
        int lanes = Math.Max(1, Environment.ProcessorCount / options.Parallel);
        try
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, wanted.Length), new ParallelOptions { MaxDegreeOfParallelism = options.Parallel, CancellationToken = stop }, async (i, _) =>
            {
                var (seed, method) = wanted[i];
                // The job's own method keeps its settings; another one replaces the whole section, whose keys it does not know.
                string[] overrides = [string.Create(CultureInfo.InvariantCulture, $"seed={seed}"), .. method == ownMethod ? Array.Empty<string>() : [$"scalarizer={{method: {method}}}"], .. options.Set];
                string output = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{method}-seed-{seed}"));
                runs[i] = await QuickstartRun.ExecuteAsync(checkout, jobPath, overrides, output, options.Parallel == 1 ? null : lanes, seed, method);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed} {method}: {runs[i]!.Verdict} ({runs[i]!.TotalSeconds:0} s)"));
            });
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("stopped; nothing was written.");
            return null;
        }
        catch (RunFailedException failure)
        {
            await Console.Error.WriteLineAsync($"error: {failure.Message}");
            return null;
        }

        return runs!;
    }

    private static string? OwnMethod(string jobPath)
    {
        var read = JobSpecReader.Read(jobPath, []);
        if (read.Errors.Count > 0)
        {
            Console.Error.WriteLine(string.Join('\n', read.Errors));
            return null;
        }

        using var json = System.Text.Json.JsonDocument.Parse(JobSpecJson.Serialize(read.Spec!));
        return json.RootElement.GetProperty("scalarizer").GetProperty("method").GetString();
    }

    private static string CommandLine(string[] args) =>
        "dotnet run -c Release --project bench -- quickstart" + string.Concat(args.Select(arg => " " + (arg.All(c => char.IsLetterOrDigit(c) || "./_-=,".Contains(c, StringComparison.Ordinal)) ? arg : $"'{arg}'")));
}

/// <summary>What the command line asks for.</summary>
internal sealed record QuickstartOptions
{
    public IReadOnlyList<int> Seeds { get; private init; } = [1, 2, 3];

    public IReadOnlyList<string> Methods { get; private init; } = ["linear", "ctwa"];

    public IReadOnlyList<string> Set { get; private init; } = [];

    public int Parallel { get; private init; } = 1;

    public string? Job { get; private init; }

    public string? Output { get; private init; }

    public string? Document { get; private init; }

    /// <summary>Whether a document is written.</summary>
    public bool Writes => Document != "none";

    /// <exception cref="ArgumentException">An option is unknown or has no or a wrong value.</exception>
    public static QuickstartOptions Parse(string[] args)
    {
        var options = new QuickstartOptions();
        for (int i = 0; i < args.Length; i += 2)
        {
            string name = args[i];
            string value = i + 1 < args.Length ? args[i + 1] : throw new ArgumentException($"{name} needs a value.");
            options = name switch
            {
                "--seeds" => options with { Seeds = [.. Words(name, value).Select(word => Number(name, word, 0))] },
                "--methods" => options with { Methods = Words(name, value) },
                "--set" => options with { Set = [.. options.Set, value] },
                "--parallel" => options with { Parallel = Number(name, value, 1) },
                "--job" => options with { Job = value },
                "--output" => options with { Output = value },
                "--document" => options with { Document = value },
                _ => throw new ArgumentException($"unknown option {name}."),
            };
        }

        return options;
    }

    private static string[] Words(string name, string value)
    {
        string[] words = value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return words.Length > 0 && words.Distinct().Count() == words.Length ? words : throw new ArgumentException($"{name} is '{value}'; give a list without repetitions, such as 1,2,3.");
    }

    private static int Number(string name, string value, int least) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least
            ? number
            : throw new ArgumentException($"{name} has '{value}'; give whole numbers from {least}.");
}
