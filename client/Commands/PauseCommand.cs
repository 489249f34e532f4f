using System.CommandLine;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa pause</c></summary>
internal static class PauseCommand
{
    public static Command Create()
    {
        var id = GridCommand.JobId();
        return new Command("pause", "Let a job of a grid write a checkpoint and stop, or take it from the queue, until it is resumed.") { id }.WithGrid(async (parsed, grid) =>
        {
            string job = parsed.GetValue(id)!;
            await grid.DoAsync((queue, token) => queue.Pause(job, token), CancellationToken.None);
            await parsed.InvocationConfiguration.Output.WriteLineAsync($"{job} pauses; continue it with: ctwa resume {job}");
            return ExitCodes.Success;
        }).WithExamples(("ctwa pause tiny-20261127-081511", "let the job stop after its next checkpoint"));
    }
}
