using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Ctwa.Client.LocalGrids;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa down</c>: ends a grid of <c>ctwa up</c> on this machine.</summary>
internal static class DownCommand
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    // What silos, Redis and the command itself need after the drain.
    private static readonly TimeSpan s_goodBye = TimeSpan.FromSeconds(60);

    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "Folder of the grid, as it was given to ctwa up.", HelpName = "dir", DefaultValueFactory = _ => new UpOptions().Data };
        var force = new Option<bool>("--force") { Description = "Do not let silos finish what they have begun. Jobs go on from their last step or checkpoint when a grid is there again." };
        var command = new Command("down", "End the grid that ctwa up started on this machine from a folder.") { data, force };
        command.SetAction(async parsed =>
        {
            using var signals = StopSignals.Listen();
            return await RunAsync(parsed.GetValue(data)!, parsed.GetValue(force), parsed.InvocationConfiguration.Output, signals);
        });
        return command.WithExamples(("ctwa down", "end the grid of the folder grid, in order"), ("ctwa down --data /srv/grid --force", "end another one at once"));
    }

    internal static async Task<int> RunAsync(string data, bool force, TextWriter output, StopSignals signals)
    {
        string folder = Path.GetFullPath(data);
        if (!Directory.Exists(folder)) { throw new CommandFailure(ExitCodes.BadInput, $"--data is '{data}', and there is no such folder; name the one that ctwa up was given."); }
        if (GridRecord.Read(folder) is not { } record)
        {
            await output.WriteLineAsync($"no grid runs from {data}");
            return ExitCodes.Success;
        }

        if (!record.Process.Signal(PosixSignal.SIGTERM))
        {
            GridRecord.Remove(folder);
            await output.WriteLineAsync(FormattableString.Invariant($"no grid runs from {data}: its process {record.Process.Id} has ended before"));
            return ExitCodes.Success;
        }

        await output.WriteLineAsync(force ? "ending at once" : FormattableString.Invariant($"ending: silos finish what they have begun, at most {record.DrainTimeout} s"));
        // The second signal is the one that does not wait.
        if (force)
        {
            await Task.Delay(s_look, CancellationToken.None);
            record.Process.Signal(PosixSignal.SIGTERM);
        }

        long start = Stopwatch.GetTimestamp();
        var patience = s_goodBye + TimeSpan.FromSeconds(record.DrainTimeout);
        try
        {
            while (record.Process.IsRunning)
            {
                if (Stopwatch.GetElapsedTime(start) > patience) { throw new CommandFailure(ExitCodes.SiloLost, FormattableString.Invariant($"the grid of {data} still runs after {patience.TotalSeconds:0} s (process {record.Process.Id}); ctwa down --force ends it at once.")); }
                await Task.Delay(s_look, signals.Stop);
            }
        }
        catch (OperationCanceledException)
        {
            await output.WriteLineAsync("no longer waiting; the grid goes on to end");
            return signals.ExitCode;
        }

        await output.WriteLineAsync("the grid has ended");
        return ExitCodes.Success;
    }
}
