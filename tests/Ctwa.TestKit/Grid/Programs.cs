using System.Diagnostics;

namespace Ctwa.TestKit.Grid;

/// <summary>Programs of the system that the harness uses.</summary>
public static class Programs
{
    // Tools of the administrator are not on everybody's path.
    private static readonly string[] s_folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), "/usr/sbin", "/sbin"];

    /// <summary>Full path of a program; null if there is none.</summary>
    public static string? Find(string name) => s_folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="patience">It is killed after that.</param>
    /// <returns>Exit code and everything it printed; -1 if it could not be started or did not end.</returns>
    public static async Task<(int ExitCode, string Output)> RunAsync(TimeSpan patience, string folder, params IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(Find(command[0]) ?? command[0], command.Skip(1)) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        try
        {
            using var process = Process.Start(start)!;
            var output = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            using var limit = new CancellationTokenSource(patience);
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                return (-1, $"{string.Join(' ', command)} did not end within {patience.TotalSeconds:0} s.");
            }

            return (process.ExitCode, string.Concat(await output));
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return (-1, missing.Message);
        }
    }

    /// <inheritdoc cref="RunAsync"/>
    /// <exception cref="InvalidOperationException">It failed; the message has what it printed.</exception>
    public static async Task<string> MustRunAsync(params IReadOnlyList<string> command)
    {
        var (code, output) = await RunAsync(TimeSpan.FromSeconds(30), "/", command);
        return code == 0 ? output : throw new InvalidOperationException($"'{string.Join(' ', command)}' failed with exit code {code}: {output.Trim()}");
    }
}
