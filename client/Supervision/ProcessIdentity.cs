using System.Globalization;
using System.Runtime.InteropServices;

namespace Ctwa.Client.Supervision;

/// <summary>A process of this machine that cannot be mistaken for a later one with the same id.</summary>
/// <param name="Id">Process id.</param>
/// <param name="StartTicks">Kernel ticks from boot to its start.</param>
/// <param name="Boot">The boot that these count from.</param>
internal sealed record ProcessIdentity(int Id, long StartTicks, string Boot)
{
    private const int NoSuchProcess = 3;

    /// <summary>This process.</summary>
    public static ProcessIdentity Self { get; } = Find(Environment.ProcessId) ?? new ProcessIdentity(Environment.ProcessId, 0, "");

    /// <summary>It runs; one that has ended and was not waited for does not.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsRunning => Find(Id) == this;

    /// <summary>Whoever has this id now; null: nobody.</summary>
    public static ProcessIdentity? Find(int id)
    {
        try
        {
            // "id (name) state parent ...": the name may hold spaces and parentheses.
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : new ProcessIdentity(id, long.Parse(fields[19], CultureInfo.InvariantCulture), File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    /// <summary>Sends a signal, if it still is this process.</summary>
    /// <returns>False: it has ended.</returns>
    /// <exception cref="CommandFailure">It belongs to another user.</exception>
    public bool Signal(PosixSignal signal)
    {
        if (!IsRunning) { return false; }
        if (Kill(Id, signal == PosixSignal.SIGTERM ? 15 : throw new ArgumentOutOfRangeException(nameof(signal))) == 0) { return true; }
        int error = Marshal.GetLastPInvokeError();
        return error == NoSuchProcess ? false : throw new CommandFailure(ExitCodes.StorageFailed, FormattableString.Invariant($"process {Id} cannot be signalled: {Marshal.GetPInvokeErrorMessage(error)}. Does it belong to another user?"));
    }

#pragma warning disable SYSLIB1054 // The generated form needs unsafe code; this call passes two numbers.
    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
#pragma warning restore SYSLIB1054
}
