using System.Runtime.InteropServices;

namespace Ctwa.TestKit.Processes;

/// <summary>The runtime of processes that are started: launchers look for it in well-known places only.</summary>
public static class ChildRuntime
{
    /// <summary>Name of the environment variable that names its folder.</summary>
    public const string Variable = "DOTNET_ROOT";

    /// <summary>Folder of the runtime of this process.</summary>
    public static string Folder { get; } = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
}
