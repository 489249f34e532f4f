using System.CommandLine;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa watch</c></summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        var id = GridCommand.JobId();
        var view = new ViewOptions(JsonOption.Create("Print one JSON document a line for each thing that happens. Errors stay text on the error stream."));
        var command = new Command("watch", "Show a job of a grid from its first step on until it ends. Ctrl-C ends the watching, not the job.") { id };
        view.AddTo(command);
        return command.WithGrid(async (parsed, grid) =>
        {
            using var signals = StopSignals.Listen();
            return await new GridJobSession(grid, signals, DetachQuestion.For(parsed.InvocationConfiguration.Error)).WatchAsync(parsed.GetValue(id)!, directory => view.OpenOnGrid(parsed, directory));
        }).WithExamples(
            ("ctwa watch tiny-20261127-081511", "curves, weights, covariances, phases and silos, redrawn as they change"),
            ("ctwa watch tiny-20261127-081511 --plain | tee run.log", "a line for each step"),
            ("ctwa watch tiny-20261127-081511 --json | jq 'select(.event == \"step\") | .metrics.step'", "for programs"));
    }
}
