using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Placement;
using Ctwa.Grains.Telemetry;
using Ctwa.Training.Specification;

namespace Ctwa.Grains.Members;

/// <summary>Address of a silo's part in a job.</summary>
[Orleans.Concurrency.Reentrant, Pinned, KeepAlive]
public sealed class MemberGrain(JobHosts hosts) : Grain, IMemberGrain
{
    private static readonly MemberResult s_nothing = new([], [], false, 0, "");
    private readonly WorkLedger<MemberResult> _work = new();

    private string JobId => GrainKeys.Parse(this.GetPrimaryKeyString()).JobId;

    /// <inheritdoc/>
    public Task<MemberReport> Start(MemberWork work, CancellationToken cancellationToken)
    {
        hosts.Fence(JobId, work.Epoch);
        _work.Start(work.Key, () => WorkTrace.RunAsync("member", work, this.GetPrimaryKeyString(), () => RunAsync(work)));
        return Poll(work.Key, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<MemberReport> Poll(string key, CancellationToken cancellationToken)
    {
        var (status, result, error) = await _work.PollAsync(key, cancellationToken);
        return new MemberReport(status, result, error);
    }

    /// <inheritdoc/>
    public Task Release(RolloutKey rollout, long epoch, CancellationToken cancellationToken)
    {
        hosts.Fence(JobId, epoch);
        hosts.Get(JobId).Release(rollout.ToCore());
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task Close(long epoch, CancellationToken cancellationToken)
    {
        // Lanes end their work first, which may take a while.
        await Task.Run(() => hosts.Close(JobId, epoch), cancellationToken);
        DeactivateOnIdle();
    }

    private async Task<MemberResult> RunAsync(MemberWork work)
    {
        if (work is OpenWork open)
        {
            await hosts.OpenAsync(JobId, work.Epoch, JobSpecJson.Deserialize(open.SpecJson), open.Computes, open.Rewards);
            return open.Computes ? Describe(hosts.Get(JobId)) : s_nothing;
        }

        var host = hosts.Get(JobId);
        switch (work)
        {
            case LoadWork load: return await host.LoadAsync(load);
            case SettleWork settle: return await host.SettleAsync(settle.Version);
            case AdoptWork adopt: return await host.AdoptAsync(adopt);
            case PublishWork publish: return await host.PublishAsync(publish);
            case SaveWork save: await host.SaveAsync(save); break;
            case SnapshotWork snapshot: await host.SnapshotAsync(snapshot); break;
            case WriteWork write: await host.WriteAsync(write); break;
            case FreezeWork freeze: await host.FreezeAsync(freeze.Path); break;
            case ResetWork: await host.ResetAsync(); break;
            default: throw new NotSupportedException($"members do not know {work.GetType().Name}.");
        }

        return Describe(host);
    }

    private static MemberResult Describe(JobHost host) => new([], [], false, host.Lanes, System.Text.Json.JsonSerializer.Serialize(host.Fingerprint));
}
