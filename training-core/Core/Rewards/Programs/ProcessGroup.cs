using System.Diagnostics;
using System.Runtime.InteropServices;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards.Programs;

/// <summary>
/// A child process in a session of its own, where the system has <c>setsid</c>: Ctrl-C in the terminal does not reach it while
/// the job still writes its checkpoint, and it can be killed with everything that it started.
/// </summary>
internal static partial class ProcessGroup
{
    private const int Kill = 9;
    private static readonly string? s_setsid = ProgramPath.Find("setsid");

    /// <summary>Program and arguments that start a command so.</summary>
    public static (string Program, IEnumerable<string> Arguments) Wrap(string program, IEnumerable<string> arguments) =>
        s_setsid is { } setsid ? (setsid, [program, .. arguments]) : (program, arguments);

    /// <summary>Kills a process and what it started; does nothing where they have ended.</summary>
    public static void KillAll(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception failure) when (failure is InvalidOperationException or System.ComponentModel.Win32Exception or NotSupportedException or AggregateException)
        {
            // It has ended; its children may not have.
        }

        // The leader of a session has its own number as that of its group.
        if (s_setsid is not null) { _ = SendSignal(-process.Id, Kill); }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
