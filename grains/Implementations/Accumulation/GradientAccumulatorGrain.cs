using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Accumulation;

/// <summary>Address of one slice of the flat parameters.</summary>
[Orleans.Concurrency.Reentrant, KeepAlive]
public sealed class GradientAccumulatorGrain(JobHosts hosts) : Grain, IGradientAccumulatorGrain
{
    private readonly WorkLedger<ImmutableArray<double>> _work = new();

    /// <inheritdoc/>
    public Task Start(SliceWork work, CancellationToken cancellationToken)
    {
        var (jobId, slice) = GrainKeys.Parse(this.GetPrimaryKeyString());
        var host = hosts.Get(jobId);
        _work.BelongTo(host);
        _work.Start(work.Key, () => work switch
        {
            ReduceWork => ReduceAsync(host, slice, work),
            GramWork gram => GramAsync(host, slice, gram),
            CombineWork combine => CombineAsync(host, slice, combine),
            ApplyWork apply => ApplyAsync(host, slice, apply),
            DisplacementWork => DisplacementAsync(host, slice, work),
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

    private static async Task<ImmutableArray<double>> ReduceAsync(JobHost host, int slice, SliceWork work) => [await host.ReduceAsync(slice, work.Update.ToCore())];

    private static async Task<ImmutableArray<double>> GramAsync(JobHost host, int slice, GramWork work)
    {
        double[,] gram = await host.GramAsync(slice, work.Update.ToCore(), work.LastBlockOnly ? GramScope.LastBlock : GramScope.All);
        return [.. gram.Cast<double>()];
    }

    private static async Task<ImmutableArray<double>> CombineAsync(JobHost host, int slice, CombineWork work)
    {
        await host.CombineAsync(slice, work.Update.ToCore(), [.. work.Coefficients]);
        return [];
    }

    private static async Task<ImmutableArray<double>> ApplyAsync(JobHost host, int slice, ApplyWork work) =>
        [.. await host.ApplyAsync(slice, new OptimizerUpdate(work.Update.ToCore(), work.GradientScale, work.LearningRate, work.AdamStep))];

    private static async Task<ImmutableArray<double>> DisplacementAsync(JobHost host, int slice, SliceWork work) =>
        [.. await host.DisplacementAsync(slice, work.Update.ToCore())];
}
