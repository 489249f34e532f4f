using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Accumulation;

/// <summary>Address of one slice of the flat parameters.</summary>
[Orleans.Concurrency.Reentrant, KeepAlive]
public sealed class GradientAccumulatorGrain(JobHosts hosts) : Grain, IGradientAccumulatorGrain
{
    private readonly WorkLedger<double> _work = new();

    /// <inheritdoc/>
    public Task Start(SliceWork work, CancellationToken cancellationToken)
    {
        var (jobId, slice) = GrainKeys.Parse(this.GetPrimaryKeyString());
        var host = hosts.Get(jobId);
        _work.Start(work.Key, () => work switch
        {
            ReduceWork => host.ReduceAsync(slice, work.Update.ToCore()),
            ApplyWork apply => ApplyAsync(host, slice, apply),
            _ => throw new NotSupportedException($"slices do not know {work.GetType().Name}."),
        });
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<SliceReport> Poll(string key, CancellationToken cancellationToken)
    {
        var (status, result, error) = await _work.PollAsync(key, cancellationToken);
        return new SliceReport(status, result, error);
    }

    private static async Task<double> ApplyAsync(JobHost host, int slice, ApplyWork work)
    {
        await host.ApplyAsync(slice, new OptimizerUpdate(work.Update.ToCore(), work.GradientScale, work.LearningRate, work.AdamStep));
        return 0;
    }
}
