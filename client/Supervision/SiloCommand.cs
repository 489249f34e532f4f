using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Ctwa.Client.Supervision;

/// <summary>How to start <c>ctwa-silo</c>.</summary>
/// <param name="FileName">Program.</param>
/// <param name="Prefix">Arguments before the silo's own: the assembly, when the program is the <c>dotnet</c> host.</param>
internal sealed record SiloCommand(string FileName, ImmutableArray<string> Prefix)
{
    /// <summary>Environment variable with the path of the silo: an executable or <c>ctwa-silo.dll</c>.</summary>
    public const string Variable = "CTWA_SILO";

    /// <summary>Path of <c>ctwa-silo</c> or <c>ctwa-silo.dll</c>.</summary>
    public string Program => Prefix.IsEmpty ? FileName : Prefix[0];

    /// <summary>The silo that the user named, else by <see cref="Variable"/>, else the one beside the client, that this client's build made, or on the PATH.</summary>
    /// <param name="option">Value of <c>--silo</c>; null: not given.</param>
    /// <exception cref="CommandFailure">There is none.</exception>
    public static SiloCommand Find(string? option = null)
    {
        if (option is not null && !File.Exists(option)) { throw new CommandFailure(ExitCodes.BadInput, $"--silo is '{option}', and there is no such file; give the path of ctwa-silo or ctwa-silo.dll."); }
        return option is not null ? For(option) : Find(Environment.GetEnvironmentVariable(Variable), AppContext.BaseDirectory, BuildOutput(), Environment.GetEnvironmentVariable("PATH"));
    }

    internal static SiloCommand Find(string? named, string clientFolder, string? buildOutput, string? path = null)
    {
        if (named is { Length: > 0 })
        {
            return File.Exists(named)
                ? For(named)
                : throw new CommandFailure(ExitCodes.SiloLost, $"{Variable} is '{named}', and there is no such file; set it to the path of ctwa-silo or ctwa-silo.dll, or unset it.");
        }

        string[] candidates =
        [
            Path.Combine(clientFolder, "ctwa-silo.dll"),
            Path.Combine(clientFolder, "ctwa-silo"),
            .. buildOutput is { Length: > 0 } built ? [built] : Array.Empty<string>(),
        ];
        var onPath = (path ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, "ctwa-silo"));
        return candidates.Concat(onPath).FirstOrDefault(IsStartable) is { } found
            ? For(found)
            : throw new CommandFailure(ExitCodes.SiloLost, $"no silo found; looked for {string.Join(", ", candidates)}, and for ctwa-silo on the PATH. This command is a client: what computes is ctwa-silo, which comes with libtorch. In a checkout: dotnet build silo. Elsewhere: dotnet publish silo -o DIR in a checkout, then --silo DIR/ctwa-silo, or set {Variable}. Verbs that speak to a grid (submit, jobs, watch, ...) need none.");
    }

    // A build copies parts of a program that it only refers to: an assembly without its runtimeconfig, or a launcher
    // with a deps.json but without its assembly, is none. (A single-file program has neither beside it.)
    private static bool IsStartable(string path) => File.Exists(path) && (IsAssembly(path)
        ? File.Exists(Path.ChangeExtension(path, ".runtimeconfig.json"))
        : !File.Exists(path + ".deps.json") || File.Exists(path + ".dll"));

    private static SiloCommand For(string path)
    {
        path = Path.GetFullPath(path);
        return IsAssembly(path) ? new SiloCommand(DotnetHost(), [path]) : new SiloCommand(path, []);
    }

    private static bool IsAssembly(string path) => path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase);

    // The host that runs this process, rather than the silo's own launcher: that one searches only well-known places.
    private static string DotnetHost()
    {
        if (Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet") { return self; }
        string name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        string besideRuntime = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", name));
        if (File.Exists(besideRuntime)) { return besideRuntime; }
        return Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : name;
    }

    private static string? BuildOutput() => typeof(SiloCommand).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .FirstOrDefault(a => a.Key == "SiloBuildOutput")?.Value;
}
