using System.CommandLine;
using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa watch</c></summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        var id = GridCommand.JobId();
        return new Command("watch", "Show a job of a grid from its first step on until it ends. Ctrl-C ends the watching, not the job.") { id }.WithGrid(async (parsed, grid) =>
        {
            var console = parsed.InvocationConfiguration;
            using var signals = StopSignals.Listen();
            return await new GridJobSession(grid, signals).WatchAsync(parsed.GetValue(id)!, directory => Terminal.Open(console.Output, console.Error, RunDirectory.OnGrid(directory, Environment.CurrentDirectory)));
        });
    }
}
