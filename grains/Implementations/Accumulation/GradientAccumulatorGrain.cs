using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Placement;
using Ctwa.Grains.Telemetry;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Accumulation;

/// <summary>Address of one silo's copy of a slice of the flat parameters: its primary or its mirror.</summary>
[Orleans.Concurrency.Reentrant, Pinned, KeepAlive]
public sealed class GradientAccumulatorGrain(JobHosts hosts) : Grain, IGradientAccumulatorGrain
{
    private static readonly SliceReport s_nothing = new(WorkStatus.Done, [], null, 0);
    private readonly WorkLedger<SliceReport> _work = new();

    /// <inheritdoc/>
    public Task<SliceReport> Start(SliceWork work, CancellationToken cancellationToken)
    {
        var (jobId, slice) = GrainKeys.Parse(this.GetPrimaryKeyString());
        hosts.Fence(jobId, work.Epoch);
        var host = hosts.Get(jobId);
        _work.BelongTo(host.Attempt);
        _work.Start(work.Key, () => WorkTrace.RunAsync("slice", work, this.GetPrimaryKeyString(), () => work switch
        {
            CollectWork collect => CollectAsync(host, slice, collect),
            ReduceWork => ReduceAsync(host, slice, work),
            GramWork gram => GramAsync(host, slice, gram),
            CombineWork combine => CombineAsync(host, slice, combine),
            ApplyWork apply => ApplyAsync(host, slice, apply),
            DisplacementWork => DisplacementAsync(host, slice, work),
            _ => throw new NotSupportedException($"slices do not know {work.GetType().Name}."),
        }));
        return Poll(work.Key, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<SliceReport> Poll(string key, CancellationToken cancellationToken)
    {
        var (status, result, error) = await _work.PollAsync(key, cancellationToken);
        return result is not null ? result : new SliceReport(status, [], error, 0);
    }

    private static async Task<SliceReport> CollectAsync(JobHost host, int slice, CollectWork work)
    {
        await host.CollectAsync(slice, work.Update.ToCore(), work);
        return s_nothing;
    }

    private static async Task<SliceReport> ReduceAsync(JobHost host, int slice, SliceWork work) => Values([await host.ReduceAsync(slice, work.Update.ToCore())]);

    private static async Task<SliceReport> GramAsync(JobHost host, int slice, GramWork work)
    {
        double[,] gram = await host.GramAsync(slice, work.Update.ToCore(), work.LastBlockOnly ? GramScope.LastBlock : GramScope.All);
        return Values([.. gram.Cast<double>()]);
    }

    private static async Task<SliceReport> CombineAsync(JobHost host, int slice, CombineWork work)
    {
        await host.CombineAsync(slice, work.Update.ToCore(), [.. work.Coefficients]);
        return s_nothing;
    }

    private static async Task<SliceReport> ApplyAsync(JobHost host, int slice, ApplyWork work)
    {
        var (values, hash) = await host.ApplyAsync(slice, new OptimizerUpdate(work.Update.ToCore(), work.GradientScale, work.LearningRate, work.AdamStep), work);
        return s_nothing with { Values = [.. values], Hash = hash };
    }

    private static async Task<SliceReport> DisplacementAsync(JobHost host, int slice, SliceWork work) => Values(await host.DisplacementAsync(slice, work.Update.ToCore()));

    private static SliceReport Values(double[] values) => s_nothing with { Values = [.. values] };
}
