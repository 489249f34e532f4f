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
        var answers = await Task.WhenAll(Active().Select(async silo =>
        {
            try
            {
                return await grains.GetGrain<ISiloGrain>(GrainKeys.Of("-", GrainKeys.Whole, silo)).Describe(cancellationToken).WaitAsync(s_patience, cancellationToken);
            }
            catch (Exception failure) when (failure is TimeoutException or OrleansException || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                return null;
            }
        }));
        foreach (var one in answers.OfType<SiloDescription>().Where(one => !IsOurs(one))) { impostor(one.Address); }
        return [.. answers.OfType<SiloDescription>().Where(IsOurs)];
    }
}
