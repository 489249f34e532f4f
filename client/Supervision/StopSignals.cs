using System.Globalization;
using System.Runtime.InteropServices;

namespace Ctwa.Client.Supervision;

/// <summary>SIGINT, SIGTERM and SIGHUP (the terminal closed): the first asks the job to checkpoint and stop, the second ends at once, a third is the system's.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly List<PosixSignalRegistration> registrations = [];
    private readonly CancellationTokenSource stop = new();
    private readonly CancellationTokenSource abort = new();
    private int count;

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stop => stop.Token;

    /// <summary>Cancelled by the second signal.</summary>
    public CancellationToken Abort => abort.Token;

    /// <summary>128 + the first signal's number.</summary>
    public int ExitCode { get; private set; } = ExitCodes.Interrupted;

    /// <summary>Takes the signals over until disposed.</summary>
    public static StopSignals Listen()
    {
        var signals = new StopSignals();
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP])
        {
            // Who started it with nohup wants it to outlive the terminal.
            if (signal == PosixSignal.SIGHUP && IgnoresHangup()) { continue; }
            signals.registrations.Add(PosixSignalRegistration.Create(signal, context => context.Cancel = signals.Raise(context.Signal)));
        }

        return signals;
    }

    /// <returns>False from the third signal on: let the system end the process.</returns>
    public bool Raise(PosixSignal signal)
    {
        int number = Interlocked.Increment(ref count);
        if (number == 1)
        {
            ExitCode = signal switch
            {
                PosixSignal.SIGTERM => ExitCodes.Terminated,
                PosixSignal.SIGHUP => ExitCodes.HungUp,
                _ => ExitCodes.Interrupted,
            };
        }

        // Continuations must not run on the signal thread, where a second signal would wait for them.
        if (number <= 2) { _ = (number == 1 ? stop : abort).CancelAsync(); }
        return number <= 2;
    }

    // Bit 0 of the mask is signal 1. Without /proc nothing is known, and a hang-up stops the run.
    private static bool IgnoresHangup()
    {
        try
        {
            string? mask = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
            return mask is not null && (ulong.Parse(mask["SigIgn:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 1) == 1;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        registrations.ForEach(r => r.Dispose());
        stop.Dispose();
        abort.Dispose();
    }
}
