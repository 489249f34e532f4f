using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Hosting;
using Orleans.Runtime;

namespace Ctwa.Grains.Coordination;

/// <summary>The grid's silos as membership knows them, and what they say of themselves.</summary>
/// <param name="secret">The grid's, which silos must have too; null: it has none.</param>
/// <param name="impostor">Is told of silos that have not, with their address.</param>
internal sealed class GridMembers(ISiloStatusOracle membership, IGrainFactory grains, ClusterSecret? secret, Action<string> impostor)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    /// <summary>Parsable addresses of the active silos, sorted: two equal answers mean that nobody came or went.</summary>
    public ImmutableArray<string> Active() => [.. membership.GetApproximateSiloStatuses(onlyActive: true).Keys.Select(silo => silo.ToParsableString()).Order(StringComparer.Ordinal)];

    private bool IsOurs(SiloDescription one) => SiloProofOfSecret.IsRight(secret, one.Address, one.Proof);

    /// <summary>What the active silos say of themselves; those that do not answer in a few seconds, or do not know the grid's secret, are left out.</summary>
    public async Task<ImmutableArray<SiloDescription>> DescribeAsync(CancellationToken cancellationToken)
    {
        var described = (await AskAsync(cancellationToken)).Select(answer => answer.Description).OfType<SiloDescription>().ToList();
        foreach (var one in described.Where(one => !IsOurs(one))) { impostor(one.Address); }
        return [.. described.Where(IsOurs)];
    }

    /// <summary>All silos that come, are there or go, as clients are told of them; ordered by address.</summary>
    public async Task<ImmutableArray<SiloOverview>> OverviewAsync(CancellationToken cancellationToken)
    {
        var answers = (await AskAsync(cancellationToken)).Where(answer => answer.Description is not null).ToDictionary(answer => answer.Silo, answer => answer.Description!, StringComparer.Ordinal);
        return
        [
            .. membership.GetApproximateSiloStatuses(onlyActive: false)
                .Where(silo => silo.Value is SiloStatus.Joining or SiloStatus.Active or SiloStatus.ShuttingDown or SiloStatus.Stopping)
                .Select(silo => OverviewOf(silo.Key.ToParsableString(), silo.Value, answers))
                .OrderBy(silo => silo.Address, StringComparer.Ordinal),
        ];
    }

    private SiloOverview OverviewOf(string address, SiloStatus state, Dictionary<string, SiloDescription> answers)
    {
        if (state == SiloStatus.Joining) { return new SiloOverview(address, SiloCondition.Joining); }
        if (state != SiloStatus.Active) { return new SiloOverview(address, SiloCondition.Leaving); }
        if (!answers.TryGetValue(address, out var one)) { return new SiloOverview(address, SiloCondition.Silent); }
        // What a stranger says of itself is nobody's word.
        return one.Address != address || !IsOurs(one) ? new SiloOverview(address, SiloCondition.Stranger) : new SiloOverview(address, one.Draining ? SiloCondition.Draining : SiloCondition.Active)
        {
            Computes = one.Computes,
            Device = one.Device,
            Lanes = one.Lanes,
            MemoryBytes = one.MemoryBytes,
            StartedAt = one.StartedAt,
            Jobs = one.Jobs.IsDefault ? [] : one.Jobs,
            Version = one.Version,
        };
    }

    private async Task<(string Silo, SiloDescription? Description)[]> AskAsync(CancellationToken cancellationToken) =>
        await Task.WhenAll(Active().Select(async silo =>
        {
            try
            {
                return (silo, await grains.GetGrain<ISiloGrain>(GrainKeys.Of("-", GrainKeys.Whole, silo)).Describe(cancellationToken).WaitAsync(s_patience, cancellationToken));
            }
            catch (Exception failure) when (failure is TimeoutException or OrleansException || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                return (silo, (SiloDescription?)null);
            }
        }));
}
