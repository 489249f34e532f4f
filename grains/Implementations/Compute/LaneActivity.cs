using Ctwa.Grains.Hosting;

namespace Ctwa.Grains.Compute;

/// <summary>What jobs do on this silo.</summary>
internal sealed class LaneActivity(JobHosts hosts) : ISiloActivity
{
    /// <inheritdoc/>
    public bool IsIdle => hosts.IsIdle;

    /// <inheritdoc/>
    public TimeSpan LongestWork => hosts.LongestWork;
}
