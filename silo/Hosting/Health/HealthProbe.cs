using Ctwa.Grains.Hosting;
using Ctwa.Silo.Hosting.Redis;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;

namespace Ctwa.Silo.Hosting.Health;

/// <summary>Judges the silo. Answers from what is known already: a probe must not wait for what may hang.</summary>
/// <param name="stuckAfter">A piece of work that runs longer than this hangs.</param>
internal sealed class HealthProbe(TimeSpan stuckAfter)
{
    private volatile Parts? _parts;

    /// <summary>The silo is built; until then it is alive and not ready.</summary>
    public void Attach(IServiceProvider services) => _parts = new Parts(
        services.GetRequiredService<ISiloActivity>(), services.GetRequiredService<ISiloStatusOracle>(), services.GetRequiredService<SiloSelf>(),
        services.GetService<GridGuard>(), services.GetRequiredService<ILocalSiloDetails>());

    /// <summary>Not alive: starting the process anew would help.</summary>
    public HealthReport Live()
    {
        var longest = _parts?.Activity.LongestWork ?? TimeSpan.Zero;
        return Report(longest > stuckAfter ? [FormattableString.Invariant($"a piece of work has been running on a lane for {longest.TotalSeconds:0} s; the limit is {stuckAfter.TotalSeconds:0} s (--stuck-after)")] : []);
    }

    /// <summary>Not ready: jobs should not count on it now.</summary>
    public HealthReport Ready()
    {
        if (_parts is not { } parts) { return Report(["the silo is starting"]); }
        var status = parts.Membership.CurrentStatus;
        List<string> reasons = [];
        if (status != SiloStatus.Active) { reasons.Add($"the silo's status in the grid is {status}"); }
        if (parts.Self.Draining) { reasons.Add("the silo is leaving"); }
        if (parts.Guard?.Trouble is { } trouble) { reasons.Add(trouble); }
        return Report(reasons);
    }

    private HealthReport Report(IReadOnlyList<string> reasons) =>
        new(reasons.Count == 0 ? "ok" : "unavailable", _parts?.Silo.SiloAddress.ToParsableString() ?? "", reasons);

    /// <summary>Held themselves: probes are answered until after the silo's services have ended.</summary>
    private sealed record Parts(ISiloActivity Activity, ISiloStatusOracle Membership, SiloSelf Self, GridGuard? Guard, ILocalSiloDetails Silo);
}
