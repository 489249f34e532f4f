using System.Globalization;
using Ctwa.Deploy.Tests.Manifests;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>Ports: by name, by number, and as the silo is told.</summary>
internal static class PortRules
{
    public static IEnumerable<string> Ports(ManifestSet set)
    {
        foreach (var workload in set.Workloads)
        {
            var ports = workload.Containers.SelectMany(container => container.Ports ?? []).ToArray();
            if (ports.Select(port => port.Name).Distinct().Count() != ports.Length || ports.Select(port => port.ContainerPort).Distinct().Count() != ports.Length) { yield return $"{workload.Name}: two ports share a name or a number"; }
            foreach (var probe in workload.Containers.SelectMany(container => (V1Probe?[])[container.StartupProbe, container.LivenessProbe, container.ReadinessProbe]).OfType<V1Probe>())
            {
                string? port = probe.HttpGet?.Port?.Value ?? probe.TcpSocket?.Port?.Value;
                if (port is not null && !workload.HasPort(port)) { yield return $"{workload.Name}: a probe asks port '{port}', which its containers do not have"; }
            }

            foreach (var service in set.Of<V1Service>().Where(service => workload.Matches(new V1LabelSelector { MatchLabels = service.Spec.Selector })))
            {
                foreach (var port in service.Spec.Ports.Where(port => !workload.HasPort(port.TargetPort?.Value ?? port.Port.ToString(CultureInfo.InvariantCulture)))) { yield return $"Service {service.Metadata.Name}: port '{port.TargetPort?.Value}' is none of {workload.Name}"; }
            }

            foreach (var monitor in set.Of<CustomKinds.PodMonitor>().Where(monitor => workload.Matches(monitor.Spec.Selector)))
            {
                foreach (var port in monitor.Spec.PodMetricsEndpoints.Where(port => !workload.HasPort(port.Port))) { yield return $"PodMonitor {monitor.Metadata.Name}: port '{port.Port}' is none of {workload.Name}"; }
            }
        }
    }
}
