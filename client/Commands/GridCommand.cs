using System.CommandLine;
using Ctwa.Client.Contexts;
using Ctwa.Client.Grid;

namespace Ctwa.Client.Commands;

/// <summary>A verb that speaks to a grid.</summary>
internal static class GridCommand
{
    /// <summary>Adds the options that find the grid, and runs the verb with it.</summary>
    public static Command WithGrid(this Command command, Func<ParseResult, GridAccess, Task<int>> run) => command.WithTarget((parsed, target) => run(parsed, GridAccess.To(target)));

    /// <summary>The same for a verb that connects by itself.</summary>
    public static Command WithTarget(this Command command, Func<ParseResult, GridTarget, Task<int>> run) => command.WithOptionalTarget((parsed, target) => run(parsed, target()));

    /// <summary>The same for a verb that may not need a grid; asking for it fails where none is named.</summary>
    public static Command WithOptionalTarget(this Command command, Func<ParseResult, Func<GridTarget>, Task<int>> run)
    {
        var grid = new GridOptions();
        grid.AddTo(command);
        grid.Context.CompletionSources.Add(_ => CompletionSources.Contexts());
        command.SetAction((parsed, _) => run(parsed, () => grid.Read(parsed, Environment.GetEnvironmentVariable, ContextFile.Find(Environment.GetEnvironmentVariable))));
        return command;
    }

    /// <summary>The job that a verb is about.</summary>
    public static Argument<string> JobId()
    {
        var id = new Argument<string>("id") { Description = "Id of the job, as ctwa submit printed it.", HelpName = "id" };
        // With a name of its own: help would list what is completed in its place.
        id.CompletionSources.Add(_ => CompletionSources.Jobs());
        return id;
    }
}
