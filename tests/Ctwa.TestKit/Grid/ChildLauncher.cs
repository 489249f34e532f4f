using System.Collections.Concurrent;
using System.Diagnostics;

namespace Ctwa.TestKit.Grid;

/// <summary>
/// Starts child processes that end with this one, however it ends: the kernel sends them SIGKILL when the thread that started
/// them is gone (<c>setpriv --pdeathsig</c> of util-linux). That thread therefore lives as long as the process does: one of
/// the thread pool's would take its children along when the pool shrinks.
/// </summary>
public static class ChildLauncher
{
    private static readonly BlockingCollection<Action> s_queue = Start();

    /// <summary>Where <c>setpriv</c> is missing, children outlive a killed parent.</summary>
    public static bool EndsWithParent { get; } = Programs.Find("setpriv") is not null;

    /// <summary>Starts a program whose output is appended to a file.</summary>
    /// <param name="command">Program and arguments.</param>
    /// <param name="log">Gets standard output and error.</param>
    /// <param name="folder">Working directory.</param>
    /// <param name="environment">Set beside those of this process; null removes one.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be started.</exception>
    public static Task<Process> StartAsync(IReadOnlyList<string> command, string log, string folder, IReadOnlyDictionary<string, string?>? environment = null)
    {
        var start = new ProcessStartInfo { WorkingDirectory = folder };
        // Every link of the chain replaces itself by the next: the process id is the program's own.
        string[] chain =
        [
            .. EndsWithParent ? (string[])["setpriv", "--pdeathsig", "KILL"] : [],
            "sh", "-c", "exec \"$@\" >>\"$CTWA_CHILD_LOG\" 2>&1 </dev/null", "sh",
            .. command,
        ];
        start.FileName = chain[0];
        foreach (string argument in chain[1..]) { start.ArgumentList.Add(argument); }
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>()) { start.Environment[name] = value; }
        start.Environment["CTWA_CHILD_LOG"] = log;
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        s_queue.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception failure)
            {
                // Whatever it was, it belongs to the caller; the thread goes on.
                started.SetException(failure);
            }
        });
        return started.Task;
    }

    private static BlockingCollection<Action> Start()
    {
        var queue = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var action in queue.GetConsumingEnumerable()) { action(); }
        })
        { IsBackground = true, Name = "ctwa-child-launcher" }.Start();
        return queue;
    }
}
