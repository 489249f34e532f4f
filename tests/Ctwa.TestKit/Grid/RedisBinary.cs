namespace Ctwa.TestKit.Grid;

/// <summary>The <c>redis-server</c> of the distribution: the one on the path, one in this project's cache, or a fresh one from its packages.</summary>
public static class RedisBinary
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);
    private static readonly Lazy<Task<(string? Path, string? WhyNot)>> s_found = new(FindAsync);

    /// <summary>Where it lies; or null and why it cannot be had. Asked once per process.</summary>
    public static Task<(string? Path, string? WhyNot)> GetAsync() => s_found.Value;

    private static string Cache => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } set ? set : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "ctwa-orleans", "redis");

    private static async Task<(string? Path, string? WhyNot)> FindAsync()
    {
        if (Programs.Find("redis-server") is { } present) { return (present, null); }
        string cached = Path.Combine(Cache, "root", "usr", "bin", "redis-server");
        if (await RunsAsync(cached)) { return (cached, null); }
        if (Programs.Find("apt-get") is null) { return (null, "redis-server is not on the path and this system has no apt-get to install it with"); }
        string why = Environment.UserName == "root" ? await InstallAsync() : await UnpackAsync();
        string? installed = Programs.Find("redis-server") ?? (await RunsAsync(cached) ? cached : null);
        return installed is null ? (null, "redis-server is not on the path and could not be installed: " + why) : (installed, null);
    }

    /// <summary>Installs the package; a policy file keeps its service from starting.</summary>
    private static async Task<string> InstallAsync()
    {
        const string policy = "/usr/sbin/policy-rc.d";
        bool mine = !File.Exists(policy);
        if (mine)
        {
            // invoke-rc.d asks this program before it starts anything: 101 means no.
            await File.WriteAllTextAsync(policy, "#!/bin/sh\nexit 101\n");
            await Programs.MustRunAsync("chmod", "755", policy);
        }

        try
        {
            var (code, output) = await Programs.RunAsync(s_patience, "/", "apt-get", "install", "-y", "--no-install-recommends", "redis-server");
            if (code == 0) { return ""; }
            // The package lists may be missing or old.
            await Programs.RunAsync(s_patience, "/", "apt-get", "update");
            (code, output) = await Programs.RunAsync(s_patience, "/", "apt-get", "install", "-y", "--no-install-recommends", "redis-server");
            return code == 0 ? "" : Last(output);
        }
        finally
        {
            if (mine) { File.Delete(policy); }
        }
    }

    /// <summary>Without root: packages are unpacked below the user's cache folder.</summary>
    private static async Task<string> UnpackAsync()
    {
        string packages = Directory.CreateDirectory(Path.Combine(Cache, "packages")).FullName;
        // redis-server is a link into redis-tools; the libraries may be there already.
        var (code, output) = await Programs.RunAsync(s_patience, packages, "apt-get", "download", "redis-server", "redis-tools");
        if (code != 0) { return Last(output); }
        foreach (string library in (string[])["liblzf1", "libjemalloc2", "liblua5.1-0", "lua-bitop", "lua-cjson"]) { await Programs.RunAsync(s_patience, packages, "apt-get", "download", library); }
        foreach (string package in Directory.GetFiles(packages, "*.deb"))
        {
            (code, output) = await Programs.RunAsync(s_patience, packages, "dpkg", "-x", package, Path.Combine(Cache, "root"));
            if (code != 0) { return Last(output); }
        }

        return "the unpacked program does not run";
    }

    /// <summary>Where the unpacked program finds its unpacked libraries.</summary>
    public static IReadOnlyDictionary<string, string?> EnvironmentOf(string binary) => binary.StartsWith(Cache, StringComparison.Ordinal)
        ? new Dictionary<string, string?> { ["LD_LIBRARY_PATH"] = string.Join(':', Directory.GetDirectories(Path.Combine(Cache, "root", "usr", "lib"), "*-linux-gnu")) }
        : [];

    private static async Task<bool> RunsAsync(string binary)
    {
        if (!File.Exists(binary)) { return false; }
        string[] libraries = [.. EnvironmentOf(binary).Select(pair => $"{pair.Key}={pair.Value}")];
        var (code, _) = await Programs.RunAsync(TimeSpan.FromSeconds(10), "/", ["env", .. libraries, binary, "--version"]);
        return code == 0;
    }

    private static string Last(string output) => output.TrimEnd().Split('\n')[^1];
}
