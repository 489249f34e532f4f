using System.Runtime.InteropServices;

namespace Ctwa.Client.Supervision;

/// <summary>SIGINT and SIGTERM: the first asks the job to checkpoint and stop, the second ends at once, a third is the system's.</summary>
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

    /// <summary>Takes both signals over until disposed.</summary>
    public static StopSignals Listen()
    {
        var signals = new StopSignals();
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM])
        {
            signals.registrations.Add(PosixSignalRegistration.Create(signal, context => context.Cancel = signals.Raise(context.Signal)));
        }

        return signals;
    }

    /// <returns>False from the third signal on: let the system end the process.</returns>
    public bool Raise(PosixSignal signal)
    {
        int number = Interlocked.Increment(ref count);
        if (number == 1) { ExitCode = signal == PosixSignal.SIGTERM ? ExitCodes.Terminated : ExitCodes.Interrupted; }
        // Continuations must not run on the signal thread, where a second signal would wait for them.
        if (number <= 2) { _ = (number == 1 ? stop : abort).CancelAsync(); }
        return number <= 2;
    }

    public void Dispose()
    {
        registrations.ForEach(r => r.Dispose());
        stop.Dispose();
        abort.Dispose();
    }
}
