using System.CommandLine;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa resume</c></summary>
internal static class ResumeCommand
{
    public static Command Create()
    {
        var id = GridCommand.JobId();
        return new Command("resume", "Queue a paused, failed or cancelled job of a grid again; it goes on from its last checkpoint.") { id }.WithGrid(async (parsed, grid) =>
        {
            string job = parsed.GetValue(id)!;
            await grid.DoAsync((queue, token) => queue.Resume(job, token), CancellationToken.None);
            await parsed.InvocationConfiguration.Output.WriteLineAsync($"{job} is queued; watch it with: ctwa watch {job}");
            return ExitCodes.Success;
        }).WithExamples(("ctwa resume tiny-20261127-081511", "let the job go on from its last checkpoint"));
    }
}
