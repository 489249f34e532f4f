using System.CommandLine;
using System.Globalization;
using Ctwa.Client.Comparison;
using Ctwa.Client.Grid;
using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa compare</c>: trains jobs that differ in their method with several seeds each, and shows what came of them side by side.</summary>
internal static class CompareCommand
{
    private static readonly Argument<string[]> Jobs = new("job") { Description = "Job files (YAML). They may differ in name and scalarizer; a file's name names its job.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string> Seeds = new("--seeds") { Description = "A number of seeds (3: seeds 1, 2, 3) or seeds with commas (1,5,7).", HelpName = "n", DefaultValueFactory = _ => new CompareOptions().Seeds };
    private static readonly Option<int?> Steps = new("--steps") { Description = "Reinforcement-learning steps of every run; default: the jobs' own.", HelpName = "n" };
    private static readonly Option<string[]> Set = new("--set") { Description = "Override a value of every job: a.b=c. May be repeated.", HelpName = "key=value", DefaultValueFactory = _ => [] };
    private static readonly Option<int> Parallel = new("--parallel") { Description = "Runs at a time; they share the cores.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> Output = new("--output", "-o") { Description = "Folder of the comparison, one run directory per job and seed; default: runs/compare-DATE-TIME. Finished runs in it are used again.", HelpName = "dir" };
    private static readonly Option<string?> Document = new("--document") { Description = "Also write the tables into this Markdown file, between its compare markers, and the picture beside it.", HelpName = "file" };
    private static readonly Option<bool> Json = JsonOption.Create("Print the results as one JSON document; progress and errors go to the error stream.");
    private static readonly Option<string?> Silo = SiloOption.Create();
    private static readonly Option<bool> AllowDifferent = new("--allow-different") { Description = "Compare jobs that differ in more than name and scalarizer; the report says in what." };

    public static Command Create()
    {
        var command = new Command("compare", "Train several jobs with several seeds under one budget, and write one table and one picture.") { Jobs, Seeds, Steps, Set, Parallel, Output, Document, Json, AllowDifferent, Silo };
        command.SetAction((parsed, _) => RunAsync(Read(parsed), parsed.GetValue(Silo), parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error));
        return command.WithExamples(
            ("ctwa compare examples/arithmetic/*.yaml --seeds 3", "every method with three seeds: one table, one picture"),
            ("ctwa compare a.yaml b.yaml --steps 10 --parallel 2 --json > table.json", "two jobs, short, for programs"));
    }

    internal static CompareOptions Read(ParseResult parsed) => new()
    {
        Jobs = parsed.GetValue(Jobs) ?? [],
        Seeds = parsed.GetValue(Seeds)!,
        Steps = parsed.GetValue(Steps),
        Set = parsed.GetValue(Set) ?? [],
        Parallel = parsed.GetValue(Parallel),
        Output = parsed.GetValue(Output),
        Document = parsed.GetValue(Document),
        Json = parsed.GetValue(Json),
        AllowDifferent = parsed.GetValue(AllowDifferent),
    };

    private static async Task<int> RunAsync(CompareOptions options, string? siloPath, TextWriter output, TextWriter error)
    {
        string here = Environment.CurrentDirectory;
        string? document = options.Document is { } named ? Path.GetFullPath(named, here) : null;
        string[] errors = [.. options.Errors(), .. document is not null && ComparisonFiles.Section.Missing(document) is { } missing ? [$"--document {options.Document}: {missing}."] : Array.Empty<string>()];
        if (errors.Length > 0) { throw new CommandFailure(ExitCodes.BadInput, string.Join('\n', errors)); }
        string folder = Path.GetFullPath(options.Output ?? Path.Combine("runs", $"compare-{TimeProvider.System.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}"), here);
        var plan = ComparisonPlan.Create(options, folder, here);

        var silo = SiloCommand.Find(siloPath);
        using var owner = OwnFolder(folder);
        var deadlines = new Deadlines();
        using var signals = StopSignals.Listen();
        var progress = new ComparisonProgress(options.Json ? error : output, error);
        Task<int> TrainAsync(RunDirectory run, Grains.Abstractions.JobSubmission submission, int lanes, IRunOutput shown) =>
            new TrainSession(run, new SiloLauncher(silo, deadlines), new OrleansConnector(deadlines), shown, signals, deadlines).RunAsync(submission, lanes);
        var runner = new ComparisonRunner(plan, options.Parallel, here, TrainAsync, progress, signals);
        foreach (string difference in plan.Differences) { await error.WriteLineAsync($"warning: the jobs differ: {difference}"); }
        string shownFolder = RunDirectory.Shown(folder, here);
        progress.Note(FormattableString.Invariant($"{plan.Labels.Count} jobs x {plan.Seeds.Count} seeds in {shownFolder}; {runner.Finished} of {plan.Runs.Count} runs are finished already, {plan.WarmStarts.Count} warm starts are shared"));
        if (await runner.RunAsync() is not { } results)
        {
            progress.Note($"stopped; continue with: {(options with { Output = options.Output ?? shownFolder }).CommandLine()}");
            return signals.ExitCode;
        }

        var report = ComparisonReport.Create(plan, results, options.CommandLine(), TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), $"{Machine.Read(silo.Program)}; ctwa {Version()}", options.Parallel);
        var files = await ComparisonFiles.WriteAsync(report, folder, document);
        if (options.Json) { await output.WriteAsync(ComparisonJson.Write(report)); }
        else
        {
            await output.WriteLineAsync();
            foreach (string line in ComparisonText.Terminal(report)) { await output.WriteLineAsync(line); }
            await output.WriteLineAsync();
            foreach (string file in files) { await output.WriteLineAsync($"written     {RunDirectory.Shown(file, here)}"); }
        }

        return report.IsComplete ? ExitCodes.Success : ExitCodes.SomeRunsFailed;
    }

    // Two comparisons in one folder would write the same run directories.
    private static FileStream OwnFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return new FileStream(Path.Combine(folder, "compare.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"the folder {folder} cannot be used: {e.Message} Is another comparison running in it? Choose another --output.");
        }
    }

    // The SDK puts the commit into it.
    private static string Version() => typeof(CompareCommand).Assembly.GetCustomAttributes(typeof(System.Reflection.AssemblyInformationalVersionAttribute), false)
        is [System.Reflection.AssemblyInformationalVersionAttribute { InformationalVersion: var version }] ? version[..Math.Min(version.Length, 18)] : "unknown";
}
