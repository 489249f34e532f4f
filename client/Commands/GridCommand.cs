using System.CommandLine;
using Ctwa.Client.Grid;

namespace Ctwa.Client.Commands;

/// <summary>A verb that speaks to a grid.</summary>
internal static class GridCommand
{
    /// <summary>Adds the options that find the grid, and runs the verb with it.</summary>
    public static Command WithGrid(this Command command, Func<ParseResult, GridAccess, Task<int>> run) => command.WithTarget((parsed, target) => run(parsed, GridAccess.To(target)));

    /// <summary>The same for a verb that connects by itself.</summary>
    public static Command WithTarget(this Command command, Func<ParseResult, GridTarget, Task<int>> run)
    {
        var grid = new GridOptions();
        grid.AddTo(command);
        command.SetAction((parsed, _) => run(parsed, grid.Read(parsed, Environment.GetEnvironmentVariable)));
        return command;
    }

    /// <summary>The job that a verb is about.</summary>
    public static Argument<string> JobId() => new("id") { Description = "Id of the job, as ctwa submit printed it." };
}
