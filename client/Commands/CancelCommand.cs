using System.CommandLine;
using Ctwa.Client.Grid;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa cancel</c></summary>
internal static class CancelCommand
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    public static Command Create()
    {
        var id = GridCommand.JobId();
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask. Needed where there is no terminal to ask at." };
        return new Command("cancel", "End a job of a grid: one that waits at once, one that runs after a checkpoint. Its run directory stays.") { id, yes }.WithGrid((parsed, grid) =>
        {
            var error = parsed.InvocationConfiguration.Error;
            Func<string, Task<bool>>? ask = Question.CanAsk ? text => Question.AskAsync(error, text, s_patience, CancellationToken.None) : null;
            return RunAsync(grid, parsed.GetValue(id)!, parsed.GetValue(yes), ask, parsed.InvocationConfiguration.Output);
        }).WithExamples(("ctwa cancel tiny-20261127-081511", "asks, then ends the job"), ("ctwa cancel tiny-20261127-081511 --yes", "does not ask"));
    }

    /// <param name="ask">Asks the user; null: there is nobody to ask.</param>
    internal static async Task<int> RunAsync(GridAccess grid, string id, bool yes, Func<string, Task<bool>>? ask, TextWriter output)
    {
        if (!yes)
        {
            if (ask is null) { throw new CommandFailure(ExitCodes.BadInput, "cancel asks before it ends a job, and there is no terminal to ask at; give --yes."); }
            var job = await grid.JobAsync(id, CancellationToken.None);
            if (!job.HasEnded && !await ask($"Cancel {job.JobId} ({Describe(job)}) on {grid.Target}?"))
            {
                await output.WriteLineAsync($"{id} was left as it is");
                return ExitCodes.Interrupted;
            }
        }

        await grid.DoAsync((queue, token) => queue.Cancel(id, token), CancellationToken.None);
        var after = await grid.JobAsync(id, CancellationToken.None);
        await output.WriteLineAsync(after.State == JobState.Cancelled ? $"{id} is cancelled" : $"{id} ends after a checkpoint; ctwa resume {id} would continue it");
        return ExitCodes.Success;
    }

    private static string Describe(JobRecord job) => $"{JobListText.State(job)}{(job.Position is null ? "" : ", step " + JobListText.Step(job))}, submitted by {job.SubmittedBy}";
}
