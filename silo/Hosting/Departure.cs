using System.Diagnostics;
using Ctwa.Grains.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ctwa.Silo.Hosting;

/// <summary>How a silo leaves in order: it takes no new work, waits for what it has, then Orleans stops it.</summary>
/// <param name="limit">How long it waits.</param>
internal sealed class Departure(SiloSelf self, ISiloActivity activity, IHostApplicationLifetime lifetime, TimeSpan limit, ILogger<Departure> logger)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private int _requests;

    /// <summary>Exit code after the departure.</summary>
    public int ExitCode { get; private set; } = SiloExitCodes.Success;

    /// <summary>Nothing is waited for any more.</summary>
    public bool HasEnded => lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Begins to leave and returns at once; asked a second time, it waits no longer.</summary>
    public void Request()
    {
        self.BeginDraining();
        // Before it serves there is nothing to wait for.
        if (Interlocked.Increment(ref _requests) > 1 || !lifetime.ApplicationStarted.IsCancellationRequested) { lifetime.StopApplication(); }
        else { _ = DrainAsync(); }
    }

    /// <summary>Leaves at once: staying would do harm, or be of no use.</summary>
    public void Flee(int exitCode)
    {
        ExitCode = exitCode;
        self.BeginDraining();
        lifetime.StopApplication();
    }

    private async Task DrainAsync()
    {
        long start = Stopwatch.GetTimestamp();
        logger.LogWarning("this silo leaves: no new work; waiting at most {Limit} for what runs here.", limit);
        while (!activity.IsIdle && Stopwatch.GetElapsedTime(start) < limit && !lifetime.ApplicationStopping.IsCancellationRequested) { await Task.Delay(s_interval); }
        if (!activity.IsIdle) { logger.LogWarning("work still ran here after {Limit}; it is left to the other silos.", limit); }
        lifetime.StopApplication();
    }
}
