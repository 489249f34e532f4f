namespace Ctwa.TestKit;

/// <summary>Places in the checkout that a test or benchmark binary was built from.</summary>
public static class Checkout
{
    /// <summary>The repository's root, found upwards from the running binary.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The <c>ctwa</c> executable of the same configuration (Debug or Release) as the running binary, or <c>$CTWA_CLIENT</c>.</summary>
    public static string Client { get; } = Environment.GetEnvironmentVariable("CTWA_CLIENT") is { Length: > 0 } other ? other : Path.Combine(Root, "client", "bin", BuildFlavour(), "ctwa");

    /// <summary>The <c>ctwa-silo</c> executable of the same configuration.</summary>
    public static string Silo { get; } = Path.Combine(Root, "silo", "bin", BuildFlavour(), "ctwa-silo");

    /// <summary>The part of the output path below <c>bin</c>, such as <c>Debug/net10.0/linux-x64</c>.</summary>
    private static string BuildFlavour()
    {
        string[] parts = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory).Split(Path.DirectorySeparatorChar);
        return Path.Combine(parts[(Array.LastIndexOf(parts, "bin") + 1)..]);
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Ctwa.Orleans.sln"))) { return folder.FullName; }
        }

        throw new DirectoryNotFoundException($"Ctwa.Orleans.sln not found above {AppContext.BaseDirectory}.");
    }
}
