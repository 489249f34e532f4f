using System.CommandLine;
using Ctwa.Client.Grid;
using Ctwa.Client.Logs;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs.Logs;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa logs</c>: what a job told, read through the grid, or from a run directory that this machine sees.</summary>
internal static class LogsCommand
{
    private const int MostTail = 100_000;

    public static Command Create()
    {
        var id = GridCommand.JobId();
        id.Description = "Id of the job, as ctwa submit printed it; or a run directory that this machine sees.";
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with new lines until the job ends or waits. Ctrl-C ends the reading, not the job." };
        var tail = new Option<int?>("--tail", "-n") { Description = "Begin with the last N lines; default: with the first.", HelpName = "N" };
        var level = new Option<string>("--level") { Description = "Leave out lines that matter less: info, warning or error.", HelpName = "level", DefaultValueFactory = _ => "info" };
        level.AcceptOnlyFromAmong([.. Enum.GetValues<JobLogLevel>().Select(word => JsonText.Word(word))]);
        tail.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 0 or > MostTail) { result.AddError(FormattableString.Invariant($"--tail is {result.GetValueOrDefault<int?>()}; accepted is 0 to {MostTail}.")); }
        });
        var json = JsonOption.Create("Print one JSON document; with --follow one for each line. Errors stay text on the error stream.");
        return new Command("logs", "Show what a job told: its start, plans, warnings, checkpoints, and how it ended.") { id, follow, tail, level, json }.WithOptionalTarget(async (parsed, target) =>
        {
            string name = parsed.GetValue(id)!;
            var console = parsed.InvocationConfiguration;
            using var signals = StopSignals.Listen();
            var printer = new LogPrinter(name, parsed.GetValue(json), parsed.GetValue(follow), Enum.Parse<JobLogLevel>(parsed.GetValue(level)!, ignoreCase: true), console.Output);
            try
            {
                if (Directory.Exists(name)) { await ReadAsync(new FileLogSource(name), parsed.GetValue(tail), printer, signals.Stop); }
                else
                {
                    var grid = GridAccess.To(Target(name, target));
                    await grid.UseAsync(
                        async connection =>
                        {
                            var source = new GridLogSource(connection.Grain<IGridGrain>(IGridGrain.Key), grid.Calls, name, console.Error);
                            await ReadAsync(source, parsed.GetValue(tail), printer, signals.Stop);
                            return true;
                        },
                        signals.Stop);
                }

                await printer.CloseAsync();
                return ExitCodes.Success;
            }
            catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
            {
                return signals.ExitCode;
            }
        }).WithExamples(
            ("ctwa logs tiny-20261127-081511 --tail 20", "the last lines of a job on the current context's grid"),
            ("ctwa logs tiny-20261127-081511 --follow --level warning", "warnings and errors as they come"),
            ("ctwa logs runs/quickstart-20261127-081511", "a run of ctwa train on this machine"));
    }

    private static GridTarget Target(string name, Func<GridTarget> target)
    {
        try { return target(); }
        // Whoever mistypes a folder must not wonder what a grid has to do with it.
        catch (CommandFailure none) { throw new CommandFailure(none.ExitCode, $"there is no folder '{name}', so it is taken for a job of a grid:\n{none.Message}"); }
    }

    internal static async Task ReadAsync(ILogSource source, int? tail, LogPrinter printer, CancellationToken cancellationToken)
    {
        long from = tail is { } last ? await LastAsync(source, last, printer, cancellationToken) : 0;
        bool any = from > 0 && tail > 0;
        while (true)
        {
            // Asked before the lines are read: what an ended job had to say is in the file by then.
            bool goesOn = printer.Follows && await source.GoesOnAsync(cancellationToken);
            while (true)
            {
                var page = await source.ReadAsync(from, cancellationToken);
                foreach (var line in page.Lines) { await printer.WriteAsync(line); }
                any |= !page.Lines.IsEmpty;
                bool moved = page.Next > from;
                from = page.Next;
                if (!page.More || !moved) { break; }
            }

            if (!goesOn) { break; }
            await Task.Delay(source.Period, cancellationToken);
        }

        if (!any && tail != 0) { await source.ExplainSilenceAsync(cancellationToken); }
    }

    /// <summary>Prints the last lines.</summary>
    /// <returns>Where the reading goes on.</returns>
    private static async Task<long> LastAsync(ILogSource source, int count, LogPrinter printer, CancellationToken cancellationToken)
    {
        for (long bytes = 256L * (count + 1); ; bytes *= 8)
        {
            var lines = new Queue<JobLogLine>();
            long from = -Math.Min(bytes, JobLogReader.LargestFile);
            while (true)
            {
                var page = await source.ReadAsync(from, cancellationToken);
                foreach (var line in page.Lines)
                {
                    lines.Enqueue(line);
                    if (lines.Count > count) { lines.Dequeue(); }
                }

                bool moved = page.Next != from;
                from = page.Next;
                if (!page.More || !moved) { break; }
            }

            if (lines.Count < count && bytes < JobLogReader.LargestFile) { continue; }
            foreach (var line in lines) { await printer.WriteAsync(line); }
            return from;
        }
    }
}
