using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.LocalGrids;

/// <summary>Starts <c>ctwa up</c> as a process of its own, which outlives terminal and caller.</summary>
internal static class DetachedGrid
{
    private const string LogName = "up.log";

    // A session of its own: neither Ctrl-C nor the end of the terminal is for it.
    private const string Start = "exec setsid \"$@\" >> \"$0\" 2>&1 < /dev/null";

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    /// <summary>Starts it and waits until its silos serve.</summary>
    /// <param name="options">What to start.</param>
    /// <param name="folder">Its folder, which exists.</param>
    /// <param name="silo">Value of <c>--silo</c>.</param>
    /// <exception cref="CommandFailure">It ended before it served; the message is its own.</exception>
    public static async Task<GridRecord> StartAsync(UpOptions options, string folder, string? silo, StopSignals signals)
    {
        // Whoever runs there is told from here: a background process could tell only its log.
        GridRecord.Claim(folder, options.Data).Dispose();
        string log = Path.Combine(folder, LogName);
        long before = new FileInfo(log) is { Exists: true } old ? old.Length : 0;
        string[] command = [.. Self(), "up", .. options.Arguments(), .. silo is null ? (string[])[] : ["--silo", silo]];
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Start, log, .. command]) { UseShellExecute = false })
            ?? throw new CommandFailure(ExitCodes.SiloLost, "cannot start /bin/sh.");
        try
        {
            while (!process.HasExited)
            {
                if (GridRecord.Read(folder) is { Where: not null } ready && ready.Process.Id == process.Id && ready.Process.IsRunning) { return ready; }
                await Task.Delay(s_look, signals.Stop);
            }
        }
        catch (OperationCanceledException)
        {
            ProcessIdentity.Find(process.Id)?.Signal(PosixSignal.SIGTERM);
            await process.WaitForExitAsync(signals.Abort).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        throw new CommandFailure(process.ExitCode is > 0 and < 128 ? process.ExitCode : ExitCodes.SiloLost, Said(log, before));
    }

    /// <summary>How to start this program again.</summary>
    private static string[] Self()
    {
        string program = Environment.ProcessPath ?? "ctwa";
        return Path.GetFileNameWithoutExtension(program) == "dotnet" && Assembly.GetEntryAssembly()?.Location is { Length: > 0 } assembly ? [program, assembly] : [program];
    }

    /// <summary>Its error, as it would have been printed here; else its last lines.</summary>
    private static string Said(string log, long before)
    {
        const string error = "error: ";
        try
        {
            using var stream = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            stream.Position = Math.Min(before, stream.Length);
            string text = new StreamReader(stream).ReadToEnd().Trim();
            int at = text.StartsWith(error, StringComparison.Ordinal) ? 0 : text.IndexOf("\n" + error, StringComparison.Ordinal) + 1;
            return at > 0 || text.StartsWith(error, StringComparison.Ordinal) ? text[(at + error.Length)..] : string.Create(CultureInfo.InvariantCulture, $"the grid ended before it was ready; {log} says:\n{text}");
        }
        catch (IOException gone)
        {
            return $"the grid ended before it was ready, and its log cannot be read: {gone.Message}";
        }
    }
}
