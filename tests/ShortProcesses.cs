using System.Runtime.CompilerServices;

namespace Ctwa.Tests;

/// <summary>
/// Compiled into every test project, and into no benchmark: <c>ctwa-silo</c> compiles hot methods again at once (Compute.props), which pays in minutes of
/// training. Most processes of tests are over in seconds: with the runtime's own delay a start and one step take a third less processor time. No result depends on it.
/// </summary>
internal static class ShortProcesses
{
    // Children inherit it; 100 ms, hexadecimal.
    [ModuleInitializer]
    internal static void Prepare() => Environment.SetEnvironmentVariable("DOTNET_TC_CallCountingDelayMs", "64");
}
