using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Ctwa.Bench;

/// <summary>What measured numbers depend on besides the code, and which code it was.</summary>
internal sealed record MachineDescription(string Processor, int Cores, double MemoryGibibytes, string System, string Runtime, string Torch, string Load, string Date, string Commit)
{
    /// <summary>Reads it from the system, the built silo and git; what cannot be read is called unknown.</summary>
    public static async Task<MachineDescription> ReadAsync(Checkout checkout) => new(
        Field("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString(),
        Environment.ProcessorCount,
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024),
        RuntimeInformation.OSDescription,
        RuntimeInformation.FrameworkDescription,
        TorchOf(checkout.Silo),
        File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown",
        TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        await CommitAsync(checkout.Root));

    private static string? Field(string file, string name) => !File.Exists(file) ? null : File.ReadLines(file)
        .Where(line => line.StartsWith(name, StringComparison.Ordinal)).Select(line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()).FirstOrDefault();

    /// <summary>TorchSharp and libtorch as the silo was built with.</summary>
    private static string TorchOf(string silo)
    {
        using var dependencies = JsonDocument.Parse(File.ReadAllBytes(Path.ChangeExtension(silo, ".deps.json")));
        string[] found = [.. dependencies.RootElement.GetProperty("libraries").EnumerateObject().Select(library => library.Name)
            .Where(name => name.StartsWith("TorchSharp/", StringComparison.Ordinal) || name.StartsWith("libtorch-", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(name => name.Replace('/', ' '))];
        return found.Length > 0 ? string.Join(", ", found) : "unknown";
    }

    private static async Task<string> CommitAsync(string root)
    {
        string commit = await GitAsync(root, "rev-parse", "--short=12", "HEAD");
        if (commit.Length == 0) { return "unknown"; }
        // The document itself is rewritten by every benchmark.
        string changes = await GitAsync(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs", ":!README.md");
        return changes.Length == 0 ? commit : commit + " with uncommitted changes";
    }

    private static async Task<string> GitAsync(string folder, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo("git") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
            foreach (string argument in arguments) { start.ArgumentList.Add(argument); }
            using var git = Process.Start(start)!;
            string output = await git.StandardOutput.ReadToEndAsync();
            await git.WaitForExitAsync();
            return git.ExitCode == 0 ? output.Trim() : "";
        }
        catch (global::System.ComponentModel.Win32Exception)
        {
            return "";
        }
    }
}
