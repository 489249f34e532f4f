using System.Runtime.InteropServices;

namespace Ctwa.TestKit.Processes;

/// <summary>The runtime of processes that tests start.</summary>
public static class ChildRuntime
{
    /// <summary>Environment variables of every such process.</summary>
    public static IReadOnlyDictionary<string, string> Variables { get; } = new Dictionary<string, string>
    {
        // Launchers look for the runtime in well-known places only.
        ["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")),
        // ctwa-silo compiles hot methods again at once (Compute.props), which pays in minutes of training. Most processes of tests are over in seconds:
        // with the runtime's own 100 ms (hexadecimal here) a start and one step take a third less processor time. No result depends on it.
        ["DOTNET_TC_CallCountingDelayMs"] = "64",
    };

    /// <summary>Sets them for a process that is to be started.</summary>
    public static void Prepare(IDictionary<string, string?> environment)
    {
        foreach (var (name, value) in Variables) { environment[name] = value; }
    }
}
