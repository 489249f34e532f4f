using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace Ctwa.Silo.Hosting;

/// <summary>Lets signals ask the silo to leave in order. The host's own lifetime would stop Orleans at the first.</summary>
internal sealed class SignalLifetime(Departure departure) : IHostLifetime, IDisposable
{
    private PosixSignalRegistration[] _signals = [];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _signals = [.. ((PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT]).Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            departure.Request();
        }))];
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var signal in _signals) { signal.Dispose(); }
    }
}
