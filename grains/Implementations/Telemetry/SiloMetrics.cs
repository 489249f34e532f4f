using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Hosting;
using Ctwa.Training.Runs;
using Ctwa.Training.Telemetry;
using Orleans.Runtime;

namespace Ctwa.Grains.Telemetry;

/// <summary>What every silo tells of itself, meter <c>Ctwa.Grid</c>. Values are asked for when somebody collects, and known already then.</summary>
internal sealed class SiloMetrics : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private static readonly Meter s_meter = new(TelemetryNames.Grid);
    private static readonly ConcurrentDictionary<SiloMetrics, bool> s_silos = new();

    private readonly JobHosts _hosts;
    private readonly SiloSelf _self;

    static SiloMetrics()
    {
        s_meter.CreateObservableGauge<double>("ctwa.silo.jobs", () => Each(silo => silo._hosts.Hosts.Count()), "{job}", "Jobs that this silo computes for.");
        s_meter.CreateObservableGauge<double>("ctwa.silo.lanes", () => Each(silo => silo._hosts.Hosts.Sum(host => host.Lanes)), "{lane}", "Compute lanes of the jobs on this silo.");
        s_meter.CreateObservableGauge<double>("ctwa.silo.lanes.busy", () => Each(silo => silo._hosts.Hosts.Sum(host => host.BusyLanes)), "{lane}", "Compute lanes that work now.");
        s_meter.CreateObservableGauge<double>("ctwa.silo.work.longest", () => Each(silo => silo._hosts.LongestWork.TotalSeconds), "s", "How long the oldest piece of work has been running on a lane.");
        s_meter.CreateObservableGauge<double>("ctwa.silo.draining", () => Each(silo => silo._self.Draining ? 1 : 0), null, "1: the silo is leaving and takes no new work.");
        s_meter.CreateObservableCounter<long>("ctwa.fence.refused", () => [Refused(JobHosts.RefusedCalls, "call"), Refused(RunDirectory.RefusedWrites, "write")], "{call}", "Calls and writes of coordinators that have been replaced.");
    }

    public SiloMetrics(JobHosts hosts, SiloSelf self)
    {
        (_hosts, _self) = (hosts, self);
        s_silos[this] = true;
    }

    /// <summary>Being asked to take part is enough: it makes the silo's container create this.</summary>
    public void Participate(ISiloLifecycle lifecycle)
    {
    }

    public void Dispose() => s_silos.TryRemove(this, out _);

    private static Measurement<double>[] Each(Func<SiloMetrics, double> value) => [.. s_silos.Keys.Select(silo => new Measurement<double>(value(silo)))];

    private static Measurement<long> Refused(long count, string kind) => new(count, new KeyValuePair<string, object?>(TelemetryNames.KindLabel, kind));
}
