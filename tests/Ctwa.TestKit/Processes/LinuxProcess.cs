using System.Globalization;
using System.Runtime.InteropServices;

namespace Ctwa.TestKit.Processes;

/// <summary>Signals by their Linux numbers.</summary>
public enum UnixSignal
{
    Hangup = 1,
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Freeze = 19,
}

/// <summary>A process told apart by its id and its start: an id alone is given to another process after a while.</summary>
/// <param name="Id">Process id.</param>
/// <param name="Started">Kernel ticks after boot.</param>
public readonly partial record struct LinuxProcess(int Id, long Started)
{
    /// <summary>False once it has ended; a zombie, whose parent has not asked for its exit code, has ended.</summary>
    public bool IsRunning => Read(Id) is { } now && now.State != 'Z' && now.Started == Started;

    /// <summary>The process that has this id now; null if there is none.</summary>
    public static LinuxProcess? Find(int id) => Read(id) is { State: not 'Z' } found ? new LinuxProcess(id, found.Started) : null;

    /// <summary>Running processes whose parent is <paramref name="parent"/>.</summary>
    public static IReadOnlyList<LinuxProcess> ChildrenOf(int parent) =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : 0)
            .Where(id => id > 0 && Read(id) is { State: not 'Z' } stat && stat.Parent == parent)
            .Select(Find)
            .OfType<LinuxProcess>(),
    ];

    /// <summary>Sends a signal unless the process has ended.</summary>
    public void Send(UnixSignal signal)
    {
        if (IsRunning) { _ = Native.Kill(Id, (int)signal); }
    }

    /// <summary>Sends a signal to the process group that this process leads, as a terminal does.</summary>
    public void SendToGroup(UnixSignal signal)
    {
        if (IsRunning) { _ = Native.Kill(-Id, (int)signal); }
    }

    private static (char State, int Parent, long Started)? Read(int id)
    {
        try
        {
            // "id (name) state parent ...": the name may hold spaces and parentheses, so count from the last ')'.
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture), long.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static partial class Native
    {
        [LibraryImport("libc", EntryPoint = "kill")]
        public static partial int Kill(int process, int signal);
    }
}
