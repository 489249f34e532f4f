using System.Diagnostics;
using System.Globalization;
using Ctwa.Client.Output;

namespace Ctwa.Bench;

/// <summary>The machine, its load and which code it was.</summary>
internal sealed record MachineDescription(Machine Machine, string Load, string Date, string Commit)
{
    /// <summary>Reads it from the system, the built silo and git; what cannot be read is called unknown.</summary>
    public static async Task<MachineDescription> ReadAsync(Checkout checkout) => new(
        Machine.Read(checkout.Silo),
        File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown",
        TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        await CommitAsync(checkout.Root));

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
