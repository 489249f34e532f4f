using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Ctwa.Client.Contexts;
using Ctwa.Client.Live;
using Ctwa.Client.LocalGrids;
using Ctwa.Client.Output;

namespace Ctwa.Client.Doctor;

/// <summary>What of this machine a client or a silo needs. Looks only: nothing is written, not even to try.</summary>
internal static class MachineChecks
{
    private const long Gibibyte = 1L << 30;

    /// <summary>.NET and the processor.</summary>
    public static Check Runtime()
    {
        string text = $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription}, {RuntimeInformation.RuntimeIdentifier}";
        if (Environment.Version.Major < 10) { return Check.Fail("runtime", text, "Install the .NET 10 runtime: https://dot.net/download"); }
        return RuntimeInformation.ProcessArchitecture == Architecture.X64 && OperatingSystem.IsLinux() ? Check.Ok("runtime", text)
            : Check.Warn("runtime", text, "Silos are built and tested for Linux x64 only; on other systems use ctwa as a client of a grid.");
    }

    /// <summary>Memory that a new process could have.</summary>
    /// <param name="meminfo">Lines of /proc/meminfo; empty: unknown.</param>
    /// <param name="limit">Memory of this machine or container, in bytes.</param>
    public static Check Memory(IEnumerable<string> meminfo, long limit)
    {
        string? field = meminfo.FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal));
        if (field is null || !long.TryParse(field.AsSpan("MemAvailable:".Length).Trim().TrimEnd("kB ".AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes)) { return Check.Skip("memory", "this system does not say how much is available"); }
        long available = Math.Min(kibibytes * 1024, limit);
        string text = $"{Numbers.Memory(available)} available of {Numbers.Memory(limit)}";
        return available < 2 * Gibibyte ? Check.Warn("memory", text, "A silo with libtorch needs about 1 GiB before any model. End other programs, or use ctwa as a client of a grid; ctwa train JOB --dry-run says what a job needs.") : Check.Ok("memory", text);
    }

    /// <summary>Free space where things are written.</summary>
    public static Check Disk(string name, string folder)
    {
        try
        {
            string existing = Existing(folder);
            long free = new DriveInfo(existing).AvailableFreeSpace;
            string text = $"{Numbers.Memory(free)} free in {existing}";
            return free < Gibibyte / 2 ? Check.Fail(name, text, "Make room, or write elsewhere (--output, --data): a checkpoint alone has the size of weights and moments.")
                : free < 5 * Gibibyte ? Check.Warn(name, text, "Enough for the examples; checkpoints of larger models need more.")
                : Check.Ok(name, text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Check.Warn(name, $"{folder}: {e.Message}", "Check that the file system is mounted.");
        }
    }

    /// <summary>Whether this user may write there, or create it there.</summary>
    public static Check Writable(string name, string folder)
    {
        string existing = Existing(folder);
        return NativeFile.MayWrite(existing) ? Check.Ok(name, existing == folder ? $"{folder} can be written" : $"{folder} can be made")
            : Check.Fail(name, $"{existing} cannot be written by {Environment.UserName}", "Change its owner or mode, or choose another place (--output, --data, TMPDIR, XDG_CONFIG_HOME).");
    }

    /// <summary>The file of contexts.</summary>
    public static Check Contexts(ContextFile? file)
    {
        if (file is null) { return Check.Warn("contexts", "neither HOME nor XDG_CONFIG_HOME is set, so there are no contexts", "Set HOME, or name grids by options and variables."); }
        try
        {
            var book = file.Load();
            if (book.Contexts.Count == 0) { return Check.Skip("contexts", "none yet (ctwa context add)"); }
            string text = string.Create(CultureInfo.InvariantCulture, $"{book.Contexts.Count} in {file.FullPath}, current: {book.Current ?? "none"}");
            return (PrivateFiles.ModeOf(file.FullPath) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead)) is null or 0 ? Check.Ok("contexts", text)
                : Check.Warn("contexts", text + "; others may read it", $"It holds no secret, but names of machines: chmod 600 {file.FullPath}");
        }
        catch (CommandFailure wrong)
        {
            return Check.Fail("contexts", wrong.Message, "See the message.");
        }
    }

    /// <summary>Whether this process may listen on loopback, and on ports that the user means to use.</summary>
    public static IEnumerable<Check> Ports(IReadOnlyList<int> wanted)
    {
        var busy = wanted.Where(port => !IsFree(port)).ToList();
        if (!IsFree(0)) { yield return Check.Fail("ports", "no port of 127.0.0.1 can be listened on", "Is the loopback interface up (ip link set lo up), or does a sandbox forbid sockets?"); }
        else if (wanted.Count == 0) { yield return Check.Ok("ports", "loopback can be listened on"); }
        foreach (int port in wanted)
        {
            yield return busy.Contains(port)
                ? Check.Fail("ports", FormattableString.Invariant($"port {port} is taken, or reserved"), FormattableString.Invariant($"Choose another, or end who has it: ss -ltnp 'sport = :{port}'"))
                : Check.Ok("ports", FormattableString.Invariant($"port {port} is free"));
        }
    }

    /// <summary>Open files that a process may have.</summary>
    /// <param name="limits">Lines of /proc/self/limits.</param>
    public static Check OpenFiles(IEnumerable<string> limits)
    {
        string[] words = limits.FirstOrDefault(line => line.StartsWith("Max open files", StringComparison.Ordinal))?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        if (words.Length < 4) { return Check.Skip("open files", "this system does not say how many are allowed"); }
        return long.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out long allowed) && allowed < 1024
            ? Check.Warn("open files", FormattableString.Invariant($"at most {allowed}"), "Raise it: ulimit -n 4096")
            : Check.Ok("open files", $"at most {words[3]}");
    }

    /// <summary>What the live view needs.</summary>
    public static Check TerminalCheck(Func<string, string?> environment, bool redirected, TerminalSize size)
    {
        if (redirected) { return Check.Skip("terminal", "the output is no terminal: plain lines"); }
        string term = environment("TERM") ?? "";
        if (!Terminal.IsLive(false, term)) { return Check.Warn("terminal", $"TERM is '{term}': plain lines instead of a live view", "Set TERM to what your terminal is, such as xterm-256color."); }
        string color = Terminal.HasColor(environment("NO_COLOR")) ? "colours" : "no colours (NO_COLOR)";
        string text = string.Create(CultureInfo.InvariantCulture, $"{term}, {size.Columns} columns, {size.Rows} rows, {color}");
        if (!Glyphs.IsUtf8(environment)) { return Check.Warn("terminal", text + ", ASCII only: the locale is not UTF-8", "Set it: export LANG=C.UTF-8"); }
        return size.Columns < 80 ? Check.Warn("terminal", text, "Make it 80 columns wide to see everything.") : Check.Ok("terminal", text);
    }

    /// <summary>A Redis that <c>ctwa up</c> could start.</summary>
    public static Check RedisServer() => LocalRedis.Find() is { } program ? Check.Ok("redis-server", program)
        : Check.Skip("redis-server", "not installed: ctwa up with several silos needs it, or --redis of one that runs");

    private static string Existing(string folder)
    {
        string path = Path.GetFullPath(folder);
        while (!Directory.Exists(path) && Path.GetDirectoryName(path) is { } parent) { path = parent; }
        return path;
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
