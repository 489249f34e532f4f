using System.Globalization;
using Ctwa.Deploy.Tests.Manifests;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>Exactly the connections that silos, clients and Redis make are let through.</summary>
internal static class NetworkRules
{
    private const string Redis = "redis", Silo = "silo", Channel = "channel", Gateway = "gateway", Http = "http";

    public static IEnumerable<string> Network(ManifestSet set)
    {
        if (!set.Of<V1NetworkPolicy>().Any(policy => policy.Spec.PodSelector is not { MatchLabels.Count: > 0 } and not { MatchExpressions.Count: > 0 } && policy.Spec.Ingress is null or { Count: 0 } && policy.Spec.Egress is null or { Count: 0 } && policy.Spec.PolicyTypes?.Count == 2))
        {
            yield return "no policy closes what the others do not open";
        }

        var silos = set.Workloads.Where(workload => workload.IsSilo).ToArray();
        var clients = set.Workloads.Where(workload => workload.IsClient).ToArray();
        foreach (var silo in silos)
        {
            string[] open = [.. Ingress(set, silo).SelectMany(rule => PortsOf(rule.Ports, silo)).Distinct().Order(StringComparer.Ordinal)];
            if (!open.SequenceEqual([Channel, Gateway, Http, Silo])) { yield return $"{silo.Name}: let in are the ports {string.Join(", ", open)}; the silo listens on channel, gateway, http and silo"; }
            foreach (var rule in Ingress(set, silo))
            {
                if (rule.FromProperty is not { Count: > 0 } || rule.FromProperty.Any(peer => peer.IpBlock is not null || peer is { NamespaceSelector: null, PodSelector: null } || IsEverything(peer))) { yield return $"{silo.Name}: the ports {string.Join(", ", PortsOf(rule.Ports, silo))} are open to everybody"; }
                // Messages and tensors are a matter among silos.
                if (PortsOf(rule.Ports, silo).Intersect([Silo, Channel]).Any() && (rule.FromProperty ?? []).Any(peer => peer.NamespaceSelector is not null || set.Workloads.Any(other => !other.IsSilo && other.Matches(peer.PodSelector)))) { yield return $"{silo.Name}: others than silos reach the ports of silos"; }
            }

            foreach (var other in silos)
            {
                foreach (string port in (string[])[Silo, Channel]) { if (!Connects(set, other, silo, port)) { yield return $"{other.Name} cannot reach the port '{port}' of {silo.Name}"; } }
            }

            foreach (var client in clients.Where(client => !Connects(set, client, silo, Gateway))) { yield return $"{client.Name} cannot reach the gateway of {silo.Name}"; }
            if (!EgressToAnywhere(set, silo, 443)) { yield return $"{silo.Name} cannot reach the Kubernetes API"; }
        }

        foreach (var workload in (Workload[])[.. silos, .. clients])
        {
            if (!EgressRules(set, workload).Any(rule => (rule.To ?? []).Any(peer => peer.NamespaceSelector is not null) && (rule.Ports ?? []).Any(port => port.Port?.Value == "53" && port.Protocol == "UDP"))) { yield return $"{workload.Name} cannot look up names"; }
            var redis = set.Workloads.SingleOrDefault(one => one.IsRedis);
            if (redis is not null ? !Connects(set, workload, redis, Redis) : !EgressRules(set, workload).Any(rule => (rule.To ?? []).Any(peer => peer.IpBlock is not null))) { yield return $"{workload.Name} cannot reach Redis"; }
        }

        foreach (var workload in set.Workloads)
        {
            foreach (var rule in EgressRules(set, workload).Where(rule => rule.To is { Count: > 0 }))
            {
                foreach (var target in set.Workloads.Where(other => rule.To.Any(peer => peer.NamespaceSelector is null && peer.PodSelector is not null && other.Matches(peer.PodSelector))))
                {
                    foreach (string port in PortsOf(rule.Ports, target).Where(port => !target.HasPort(port))) { yield return $"{workload.Name}: it may call port '{port}' of {target.Name}, which has none such"; }
                }
            }
        }

        foreach (var redis in set.Workloads.Where(workload => workload.IsRedis))
        {
            string[] open = [.. Ingress(set, redis).SelectMany(rule => PortsOf(rule.Ports, redis)).Distinct()];
            if (!open.SequenceEqual([Redis])) { yield return $"{redis.Name}: let in are the ports {string.Join(", ", open)}"; }
            if (Ingress(set, redis).Any(rule => rule.FromProperty is not { Count: > 0 } || rule.FromProperty.Any(peer => peer.NamespaceSelector is not null || IsEverything(peer)))) { yield return $"{redis.Name} is open to others than this grid"; }
            if (EgressRules(set, redis).Any(rule => (rule.Ports ?? []).Any(port => port.Port?.Value != "53"))) { yield return $"{redis.Name} may call others, and has no reason to"; }
        }
    }

    /// <summary>Policies at both ends let a connection through.</summary>
    private static bool Connects(ManifestSet set, Workload from, Workload to, string port) =>
        EgressRules(set, from).Any(rule => PortsOf(rule.Ports, to).Contains(port) && (rule.To is not { Count: > 0 } || rule.To.Any(peer => peer.NamespaceSelector is null && peer.PodSelector is not null && to.Matches(peer.PodSelector))))
        && Ingress(set, to).Any(rule => PortsOf(rule.Ports, to).Contains(port) && (rule.FromProperty ?? []).Any(peer => peer.NamespaceSelector is null && peer.PodSelector is not null && from.Matches(peer.PodSelector)));

    private static bool EgressToAnywhere(ManifestSet set, Workload from, int port) =>
        EgressRules(set, from).Any(rule => rule.To is not { Count: > 0 } && (rule.Ports ?? []).Any(one => one.Port?.Value == port.ToString(CultureInfo.InvariantCulture)));

    private static IEnumerable<V1NetworkPolicyIngressRule> Ingress(ManifestSet set, Workload workload) =>
        set.Of<V1NetworkPolicy>().Where(policy => workload.Matches(policy.Spec.PodSelector) && policy.Spec.PolicyTypes?.Contains("Ingress") == true).SelectMany(policy => policy.Spec.Ingress ?? []);

    private static IEnumerable<V1NetworkPolicyEgressRule> EgressRules(ManifestSet set, Workload workload) =>
        set.Of<V1NetworkPolicy>().Where(policy => workload.Matches(policy.Spec.PodSelector) && policy.Spec.PolicyTypes?.Contains("Egress") == true).SelectMany(policy => policy.Spec.Egress ?? []);

    /// <summary>The ports of a workload that a rule names, by name; without ports a rule means all; a port that it does not have by its number.</summary>
    private static IEnumerable<string> PortsOf(IList<V1NetworkPolicyPort>? ports, Workload workload)
    {
        var known = workload.Containers.SelectMany(container => container.Ports ?? []).ToArray();
        if (ports is not { Count: > 0 }) { return [.. known.Select(port => port.Name), "any other"]; }
        return ports.Where(port => port.Protocol is "TCP" or null).Select(port => known.FirstOrDefault(one => one.Name == port.Port?.Value || one.ContainerPort.ToString(CultureInfo.InvariantCulture) == port.Port?.Value)?.Name ?? port.Port?.Value ?? "any other");
    }

    private static bool IsEverything(V1NetworkPolicyPeer peer) =>
        peer.NamespaceSelector is { MatchLabels: null or { Count: 0 }, MatchExpressions: null or { Count: 0 } } || peer is { NamespaceSelector: null, PodSelector: { MatchLabels: null or { Count: 0 }, MatchExpressions: null or { Count: 0 } } };
}
