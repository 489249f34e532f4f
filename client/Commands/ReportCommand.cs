using System.CommandLine;
using System.Reflection;
using Ctwa.Client.Jobs;
using Ctwa.Client.Reports;
using Ctwa.Client.Reports.Analysis;
using Ctwa.Client.Reports.Page;
using Ctwa.Client.Reports.Reading;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa report</c>: one HTML page about one run or several, and exports of their metrics for other tools.</summary>
internal static class ReportCommand
{
    private static readonly Argument<string[]> Runs = new("run") { Description = "Run directories, or folders of runs such as that of ctwa compare. Several are overlaid and ranked.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string?> Output = new("--output", "-o") { Description = "The page; default: RUN/report.html, of several runs report.html in the current folder.", HelpName = "file" };
    private static readonly Option<string?> Csv = new("--csv") { Description = "Write all metrics as a table (RFC 4180). Without --output, no page.", HelpName = "file" };
    private static readonly Option<string?> TensorBoard = new("--tensorboard") { Description = "Write TensorBoard event files, a folder per run, for tensorboard --logdir DIR. Without --output, no page.", HelpName = "dir" };
    private static readonly Option<bool> Force = new("--force") { Description = "Replace a file that ctwa report did not write." };
    private static readonly Option<bool> Json = JsonOption.Create("Print ranking and files as one JSON document. Errors stay text on the error stream.");

    public static Command Create()
    {
        var command = new Command("report", "Write one HTML page about one run or several: curves, weights, covariances, interference, Pareto front, samples, faults.") { Runs, Output, Csv, TensorBoard, Force, Json };
        command.SetAction((parsed, _) => RunAsync(Read(parsed), Environment.CurrentDirectory, parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error));
        return command.WithExamples(
            ("ctwa report runs/quickstart-20261127-081511", "one page about a run: its report.html"),
            ("ctwa report runs/a runs/b -o both.html", "two runs overlaid and ranked"),
            ("ctwa report runs/a --csv a.csv --tensorboard tb", "its metrics for other programs, no page"));
    }

    internal static ReportOptions Read(ParseResult parsed) => new()
    {
        Runs = parsed.GetValue(Runs) ?? [],
        Output = parsed.GetValue(Output),
        Csv = parsed.GetValue(Csv),
        TensorBoard = parsed.GetValue(TensorBoard),
        Force = parsed.GetValue(Force),
        Json = parsed.GetValue(Json),
    };

    internal static async Task<int> RunAsync(ReportOptions options, string here, TextWriter output, TextWriter error)
    {
        string[] errors = [.. options.Errors()];
        if (errors.Length > 0) { throw new CommandFailure(ExitCodes.BadInput, string.Join('\n', errors)); }
        var runs = ReportRuns.Read(options.Runs, here);
        var data = ReportBuilder.Build(runs, Tool(), TimeProvider.System.GetUtcNow());
        var files = new List<string>();
        if (options.WritesPage)
        {
            string path = options.Output is { } named ? Path.GetFullPath(named, here) : runs.Count == 1 ? Path.Combine(runs[0].Folder, "report.html") : Path.Combine(here, "report.html");
            string title = runs.Count == 1 ? runs[0].Label : FormattableString.Invariant($"{runs.Count} runs");
            byte[] page = System.Text.Encoding.UTF8.GetBytes(ReportPage.Write(data, title));
            ReportFile.Write(path, "--output " + RunDirectory.Shown(path, here), ReportFile.IsPage, options.Force, stream => stream.Write(page));
            files.Add(path);
        }

        if (options.Csv is { } csv)
        {
            string path = Path.GetFullPath(csv, here);
            ReportFile.Write(path, "--csv " + csv, beginning => beginning.StartsWith(CsvExport.Mark, StringComparison.Ordinal), options.Force, stream => CsvExport.Write(runs, stream));
            files.Add(path);
        }

        if (options.TensorBoard is { } folder) { files.AddRange(TensorBoardExport.Write(runs, Path.GetFullPath(folder, here))); }
        await PrintAsync(new ReportResult(data, files), options, here, output, error);
        return ExitCodes.Success;
    }

    private static async Task PrintAsync(ReportResult result, ReportOptions options, string here, TextWriter output, TextWriter error)
    {
        if (options.Json)
        {
            await output.WriteLineAsync(result.ToJson());
            return;
        }

        foreach (var run in result.Data.Runs)
        {
            foreach (string note in run.Notes) { await error.WriteLineAsync(ReportResult.Plain($"note: {run.Label}: {note}")); }
        }

        if (result.Data.Objectives.Count > 0)
        {
            foreach (string line in result.Table()) { await output.WriteLineAsync(line); }
            await output.WriteLineAsync();
        }

        foreach (string file in result.Files)
        {
            string size = File.Exists(file) ? FormattableString.Invariant($" ({new FileInfo(file).Length / 1024.0:N0} KiB)") : "";
            await output.WriteLineAsync(ReportResult.Plain($"written     {RunDirectory.Shown(file, here)}{size}"));
        }
    }

    private static string Tool() => "ctwa " + (typeof(ReportCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion is { } version ? version[..Math.Min(version.Length, 18)] : "");
}
