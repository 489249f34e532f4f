using Ctwa.Grains.Hosting;

namespace Ctwa.Grains.Coordination;

/// <summary>Where a coordinator runs, and where it could go.</summary>
/// <param name="silo">The silo that it runs on, in Orleans' parsable form.</param>
/// <param name="self">What that silo knows about itself.</param>
/// <param name="members">The silos.</param>
internal sealed class CoordinatorPlace(string silo, SiloSelf self, GridMembers members)
{
    public string Silo => silo;

    /// <summary>The silo is asked to leave.</summary>
    public bool IsLeaving => self.Draining;

    /// <summary>A silo that stays; null: there is none.</summary>
    public async Task<string?> ElsewhereAsync(CancellationToken cancellationToken) =>
        (await members.DescribeAsync(cancellationToken)).FirstOrDefault(one => !one.Draining && one.Address != silo)?.Address;
}
