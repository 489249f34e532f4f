namespace Ctwa.Bench;

/// <summary>Where this build's parts lie in the repository.</summary>
/// <param name="Root">Folder of the solution.</param>
/// <param name="Client">The built client, <c>ctwa.dll</c>, of the same configuration as this program.</param>
/// <param name="Silo">The built silo, <c>ctwa-silo.dll</c>, likewise.</param>
internal sealed record Checkout(string Root, string Client, string Silo)
{
    /// <summary>The host that runs assemblies: the one that runs this process, else that of the SDK, else the one on the path.</summary>
    public string DotnetHost { get; } = Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet"
        ? self
        : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet";

    /// <exception cref="DirectoryNotFoundException">This program does not run from its build output.</exception>
    public static Checkout Find()
    {
        string output = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        for (var folder = new DirectoryInfo(output); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Ctwa.Orleans.sln"))) { continue; }
            string below = Path.GetRelativePath(Path.Combine(folder.FullName, "bench"), output);
            return new Checkout(folder.FullName, Path.Combine(folder.FullName, "client", below, "ctwa.dll"), Path.Combine(folder.FullName, "silo", below, "ctwa-silo.dll"));
        }

        throw new DirectoryNotFoundException($"Ctwa.Orleans.sln was not found above {output}; start the benchmark with dotnet run --project bench.");
    }
}
