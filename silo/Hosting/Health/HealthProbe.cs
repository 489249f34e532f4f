using Ctwa.Grains.Hosting;
using Ctwa.Silo.Hosting.Redis;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;

namespace Ctwa.Silo.Hosting.Health;

/// <summary>Judges the silo. Answers from what is known already: a probe must not wait for what may hang.</summary>
/// <param name="stuckAfter">A piece of work that runs longer than this hangs.</param>
internal sealed class HealthProbe(TimeSpan stuckAfter)
{
    private volatile IServiceProvider? _services;

    /// <summary>The silo is built; until then it is alive and not ready.</summary>
    public void Attach(IServiceProvider services) => _services = services;

    /// <summary>Not alive: starting the process anew would help.</summary>
    public HealthReport Live()
    {
        var longest = _services?.GetRequiredService<ISiloActivity>().LongestWork ?? TimeSpan.Zero;
        return Report(longest > stuckAfter ? [FormattableString.Invariant($"a piece of work has been running on a lane for {longest.TotalSeconds:0} s; the limit is {stuckAfter.TotalSeconds:0} s (--stuck-after)")] : []);
    }

    /// <summary>Not ready: jobs should not count on it now.</summary>
    public HealthReport Ready()
    {
        if (_services is not { } services) { return Report(["the silo is starting"]); }
        var status = services.GetRequiredService<ISiloStatusOracle>().CurrentStatus;
        List<string> reasons = [];
        if (status != SiloStatus.Active) { reasons.Add($"the silo's status in the grid is {status}"); }
        if (services.GetRequiredService<SiloSelf>().Draining) { reasons.Add("the silo is leaving"); }
        if (services.GetService<GridGuard>()?.Trouble is { } trouble) { reasons.Add(trouble); }
        return Report(reasons);
    }

    private HealthReport Report(IReadOnlyList<string> reasons) =>
        new(reasons.Count == 0 ? "ok" : "unavailable", _services?.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString() ?? "", reasons);
}
