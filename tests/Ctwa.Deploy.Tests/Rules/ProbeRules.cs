using Ctwa.Deploy.Tests.Manifests;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>Probes against the silo that really runs.</summary>
internal static class ProbeRules
{
    private const int LongestStartSeconds = 60;

    public static IEnumerable<string> Probes(ManifestSet set, HostFacts host)
    {
        foreach (var workload in set.Workloads.Where(workload => workload.IsSilo || workload.IsRedis))
        {
            foreach (var container in workload.Pod.Containers)
            {
                foreach (var (kind, probe) in new[] { ("startup", container.StartupProbe), ("liveness", container.LivenessProbe), ("readiness", container.ReadinessProbe) })
                {
                    if (probe is null) { yield return $"{workload.Name}: there is no {kind} probe"; }
                    else if (workload.IsSilo && probe.HttpGet is null) { yield return $"{workload.Name}: the {kind} probe does not ask the silo"; }
                    else if (probe.HttpGet is { } get && host.StatusOf(get.Path) is var status and not 200) { yield return $"{workload.Name}: the {kind} probe's path {get.Path} answers {status}"; }
                }

                if (container.StartupProbe is { } start && (start.PeriodSeconds ?? 10) * (start.FailureThreshold ?? 3) < LongestStartSeconds) { yield return $"{workload.Name}: a start may take longer than its startup probe allows ({LongestStartSeconds} s)"; }
                // Restarting silos because Redis is away would make an outage of a pause.
                if (workload.IsSilo && container.LivenessProbe?.HttpGet?.Path == "/readyz") { yield return $"{workload.Name}: it would be restarted for not being ready"; }
                if (workload.IsSilo && container.ReadinessProbe?.HttpGet?.Path != "/readyz") { yield return $"{workload.Name}: readiness is not what /readyz says"; }
            }
        }

        foreach (var monitor in set.Of<CustomKinds.PodMonitor>().SelectMany(monitor => monitor.Spec.PodMetricsEndpoints).Where(endpoint => host.StatusOf(endpoint.Path) != 200)) { yield return $"the silo serves no metrics at {monitor.Path}"; }
    }
}
