namespace Ctwa.Client.Supervision;

/// <summary>How a silo process ended.</summary>
/// <param name="Code">Its exit code; 128 + n after signal n, as the runtime reports it.</param>
internal readonly record struct SiloExit(int Code)
{
    /// <summary>Completes "the silo ...".</summary>
    public override string ToString() => Code is > 128 and < 160
        ? $"was ended by signal {Code - 128} ({SignalName(Code - 128)}; exit code {Code})"
        : $"ended with exit code {Code}";

    private static string SignalName(int signal) => signal switch
    {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL, an instruction this processor lacks",
        6 => "SIGABRT, an abort in native code",
        7 => "SIGBUS, often a full disk or a truncated mapped file",
        8 => "SIGFPE",
        9 => "SIGKILL, often the kernel's out-of-memory killer",
        11 => "SIGSEGV, a crash in native code",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => "unnamed",
    };
}
