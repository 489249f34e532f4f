using System.CommandLine;

namespace Ctwa.Silo.Tools.Models;

/// <summary><c>ctwa model</c></summary>
internal static class ModelCommand
{
    public static Command Create() => new("model", "Inspect, create and export model folders.") { InspectCommand.Create(), InitCommand.Create(), ExportCommand.Create() };

    /// <summary>Runs a command's work; what files may throw becomes an exit code and a message.</summary>
    /// <exception cref="ToolFailure">Bad input (2) or storage (5).</exception>
    public static void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (Exception e) when (e is InvalidDataException or FileNotFoundException or DirectoryNotFoundException or EndOfStreamException or OverflowException)
        {
            throw new ToolFailure(ToolExitCodes.BadInput, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolFailure(ToolExitCodes.StorageFailed, $"{e.Message.TrimEnd('.')}. Check free space and permissions.");
        }
    }
}
