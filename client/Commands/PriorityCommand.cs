using System.CommandLine;
using System.Globalization;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa priority</c></summary>
internal static class PriorityCommand
{
    public static Command Create()
    {
        var id = GridCommand.JobId();
        var priority = new Argument<int>("priority") { Description = "From -100 to 100; higher ones first. Default of a job: 0." };
        return new Command("priority", "Change the place of a waiting job of a grid. A running job is not interrupted for another.") { id, priority }.WithGrid(async (parsed, grid) =>
        {
            string job = parsed.GetValue(id)!;
            int value = parsed.GetValue(priority);
            await grid.DoAsync((queue, token) => queue.SetPriority(job, value, token), CancellationToken.None);
            await parsed.InvocationConfiguration.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{job} has priority {value}"));
            return ExitCodes.Success;
        }).WithExamples(("ctwa priority tiny-20261127-081511 9", "put a waiting job before others"), ("ctwa priority tiny-20261127-081511 -- -5", "put it behind them"));
    }
}
