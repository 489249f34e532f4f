using Ctwa.Grains.Abstractions;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Ctwa.Grains.Jobs;

/// <summary>
/// On every silo: calls the grid grain again and again, so that it lives somewhere. A timer lives with its grain; only calls
/// bring a grain back whose silo died.
/// </summary>
internal sealed class JobKeeper(IGrainFactory grains, JobQueueOptions options, TimeProvider time, ILogger<JobKeeper> logger) : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(10);
    private readonly CancellationTokenSource _leaving = new();
    private Task _keeping = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(JobKeeper),
        ServiceLifecycleStage.Active,
        _ =>
        {
            _keeping = Task.Run(KeepAsync, CancellationToken.None);
            return Task.CompletedTask;
        },
        async _ =>
        {
            await _leaving.CancelAsync();
            await _keeping;
        });

    public void Dispose() => _leaving.Dispose();

    private async Task KeepAsync()
    {
        var grid = grains.GetGrain<IGridGrain>(IGridGrain.Key);
        bool told = false;
        for (uint count = 0; !_leaving.IsCancellationRequested; count++)
        {
            try
            {
                await grid.Tend(_leaving.Token).WaitAsync(s_deadline, _leaving.Token);
                told = false;
            }
            catch (OperationCanceledException) when (_leaving.IsCancellationRequested) { return; }
            catch (Exception failure)
            {
                // Once per disturbance: silos come and go.
                if (!told) { logger.LogWarning(failure, "the grid's queue does not answer; it is called again"); }
                told = true;
            }

            // Silos that started together must not call together: a spread that needs no randomness.
            double spread = 0.75 + (0.5 * ((uint)HashCode.Combine(Environment.ProcessId, GetHashCode(), count) / (double)uint.MaxValue));
            try { await Task.Delay(options.Period * spread, time, _leaving.Token); }
            catch (OperationCanceledException) { return; }
        }
    }
}
