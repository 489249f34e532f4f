using System.Collections.Immutable;
using System.Text;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Ctwa.Grains.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Ctwa.Grains.Jobs;

/// <summary>The grid's silos for clients. Asked by many watchers, it asks the silos once a second.</summary>
internal sealed class SiloRoll(ISiloStatusOracle membership, IServiceProvider services, TimeProvider time, ILogger<SiloRoll> logger)
{
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_lost = TimeSpan.FromSeconds(6);

    // Numbers, a time and the frame of a record.
    private const int FixedBytes = 64;

    private readonly Lock _gate = new();
    private Task<ImmutableArray<SiloOverview>>? _asked;
    private long _askedAt;

    /// <summary>All of them, by address, as they were at most a second ago.</summary>
    public Task<ImmutableArray<SiloOverview>> AllAsync(IGrainFactory grains, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            // An answer that never comes (the grain that asked is gone) must not be waited for by those who come later.
            if (_asked is null or { IsFaulted: true } or { IsCanceled: true } || time.GetElapsedTime(_askedAt) > (_asked.IsCompleted ? s_fresh : s_lost))
            {
                _askedAt = time.GetTimestamp();
                // Whoever asked first may go: the others still want the answer.
                _asked = new GridMembers(membership, grains, services.GetService<ClusterSecret>(), silo => logger.LogError("silo {Silo} does not know the grid's secret", silo)).OverviewAsync(CancellationToken.None);
            }

            return _asked.WaitAsync(cancellationToken);
        }
    }

    /// <summary>A page of at most <see cref="GridLimits.AnswerBytes"/>.</summary>
    public static SiloPage After(ImmutableArray<SiloOverview> silos, string? address)
    {
        var page = ImmutableArray.CreateBuilder<SiloOverview>();
        int bytes = 0;
        foreach (var silo in silos.Where(silo => string.CompareOrdinal(silo.Address, address) > 0))
        {
            bytes += FixedBytes + ((string[])[silo.Address, silo.Device, silo.Version, .. silo.Jobs]).Sum(text => Encoding.UTF8.GetByteCount(text) + 4);
            if (bytes > GridLimits.AnswerBytes && page.Count > 0) { return new SiloPage(page.ToImmutable(), true); }
            page.Add(silo);
        }

        return new SiloPage(page.ToImmutable(), false);
    }
}
