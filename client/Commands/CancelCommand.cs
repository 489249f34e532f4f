using System.CommandLine;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa cancel</c></summary>
internal static class CancelCommand
{
    public static Command Create()
    {
        var id = GridCommand.JobId();
        return new Command("cancel", "End a job of a grid: one that waits at once, one that runs after a checkpoint. Its run directory stays.") { id }.WithGrid(async (parsed, grid) =>
        {
            string job = parsed.GetValue(id)!;
            await grid.DoAsync((queue, token) => queue.Cancel(job, token), CancellationToken.None);
            await parsed.InvocationConfiguration.Output.WriteLineAsync($"{job} is cancelled");
            return ExitCodes.Success;
        });
    }
}
