using Ctwa.Deploy.Tests.Manifests;
using k8s;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>What manifests say of one another.</summary>
internal static class ReferenceRules
{
    /// <summary>Names and namespaces: one of each kind, all in one namespace that is there and restricted.</summary>
    public static IEnumerable<string> Names(ManifestSet set)
    {
        foreach (var twice in set.All.GroupBy(ManifestSet.NameOf).Where(group => group.Count() > 1)) { yield return $"{twice.Key} is there {twice.Count()} times"; }
        if (set.Of<V1Namespace>().SingleOrDefault() is not { } home)
        {
            yield return "there is no single Namespace";
            yield break;
        }

        if (home.Metadata.Labels?.TryGetValue("pod-security.kubernetes.io/enforce", out string? level) != true || level != "restricted") { yield return "the namespace does not enforce the restricted pod security level"; }
        foreach (object stray in set.All.Where(one => one is not V1Namespace && (one as IMetadata<V1ObjectMeta>)?.Metadata.NamespaceProperty != home.Metadata.Name)) { yield return $"{ManifestSet.NameOf(stray)} is not in the namespace {home.Metadata.Name}"; }
        foreach (var stateful in set.Of<V1StatefulSet>())
        {
            if (!set.Of<V1Service>().Any(service => service.Metadata.Name == stateful.Spec.ServiceName && service.Spec.ClusterIP == "None")) { yield return $"{stateful.Metadata.Name}: there is no headless Service '{stateful.Spec.ServiceName}'"; }
        }
    }

    /// <summary>Selectors choose the pods that they are meant for, and none chooses nothing.</summary>
    public static IEnumerable<string> Selectors(ManifestSet set)
    {
        foreach (var workload in set.Workloads.Where(workload => workload.Source is not V1Job))
        {
            if (workload.Selector?.MatchLabels is not { Count: > 0 } || !workload.Matches(workload.Selector)) { yield return $"{workload.Name}: its selector does not choose its own pods"; }
            foreach (var other in set.Workloads.Where(other => other != workload && other.Matches(workload.Selector))) { yield return $"{workload.Name}: its selector also chooses the pods of {other.Name}"; }
            foreach (var spread in workload.Pod.TopologySpreadConstraints ?? []) { if (!workload.Matches(spread.LabelSelector)) { yield return $"{workload.Name}: a topology spread does not count its own pods"; } }
        }

        bool Chosen(V1LabelSelector? selector) => set.Workloads.Any(workload => workload.Matches(selector));
        foreach (var service in set.Of<V1Service>().Where(service => !Chosen(new V1LabelSelector { MatchLabels = service.Spec.Selector }))) { yield return $"Service {service.Metadata.Name} chooses no pods"; }
        foreach (var budget in set.Of<V1PodDisruptionBudget>().Where(budget => !Chosen(budget.Spec.Selector))) { yield return $"PodDisruptionBudget {budget.Metadata.Name} chooses no pods"; }
        foreach (var monitor in set.Of<CustomKinds.PodMonitor>().Where(monitor => !Chosen(monitor.Spec.Selector))) { yield return $"PodMonitor {monitor.Metadata.Name} chooses no pods"; }
        foreach (var policy in set.Of<V1NetworkPolicy>())
        {
            if (!Chosen(policy.Spec.PodSelector)) { yield return $"NetworkPolicy {policy.Metadata.Name} chooses no pods"; }
            // Pods of other namespaces are not among these manifests, nor is a Redis that somebody else runs.
            foreach (var peer in (policy.Spec.Ingress ?? []).SelectMany(rule => rule.FromProperty ?? []).Concat((policy.Spec.Egress ?? []).SelectMany(rule => rule.To ?? [])).Where(peer => peer.NamespaceSelector is null && peer.PodSelector is not null && !Chosen(peer.PodSelector) && (set.Workloads.Any(workload => workload.IsRedis) || peer.PodSelector.MatchLabels?.Values.Contains("redis") != true)))
            {
                yield return $"NetworkPolicy {policy.Metadata.Name} speaks of pods that there are none of: {string.Join(", ", peer.PodSelector.MatchLabels?.Select(pair => $"{pair.Key}={pair.Value}") ?? [])}";
            }
        }
    }

    /// <summary>Mounts have volumes, volumes have sources, and those exist.</summary>
    public static IEnumerable<string> Volumes(ManifestSet set)
    {
        foreach (var workload in set.Workloads)
        {
            var claims = (workload.Source as V1StatefulSet)?.Spec.VolumeClaimTemplates?.Select(claim => claim.Metadata.Name) ?? [];
            string[] volumes = [.. workload.Pod.Volumes?.Select(volume => volume.Name) ?? [], .. claims];
            var mounts = workload.Containers.SelectMany(container => container.VolumeMounts ?? []).ToArray();
            foreach (var mount in mounts.Where(mount => !volumes.Contains(mount.Name))) { yield return $"{workload.Name}: {mount.MountPath} mounts '{mount.Name}', which is no volume"; }
            foreach (string unused in volumes.Where(volume => mounts.All(mount => mount.Name != volume))) { yield return $"{workload.Name}: the volume '{unused}' is mounted nowhere"; }
            foreach (var container in workload.Containers)
            {
                foreach (var twice in (container.VolumeMounts ?? []).GroupBy(mount => mount.MountPath).Where(group => group.Count() > 1)) { yield return $"{workload.Name}: {twice.Key} is mounted twice"; }
            }

            foreach (var volume in workload.Pod.Volumes ?? [])
            {
                if (volume.ConfigMap is { } map && !set.Of<V1ConfigMap>().Any(one => one.Metadata.Name == map.Name)) { yield return $"{workload.Name}: there is no ConfigMap '{map.Name}'"; }
                if (volume.PersistentVolumeClaim is { } claim && !set.Of<V1PersistentVolumeClaim>().Any(one => one.Metadata.Name == claim.ClaimName)) { yield return $"{workload.Name}: there is no PersistentVolumeClaim '{claim.ClaimName}'"; }
            }
        }
    }

    /// <summary>Secrets are generated for development only; elsewhere users make exactly those that are documented.</summary>
    public static IEnumerable<string> Secrets(ManifestSet set)
    {
        if (!set.IsDevelopment)
        {
            foreach (var secret in set.Of<V1Secret>()) { yield return $"Secret {secret.Metadata.Name} is in the manifests: its value would lie in version control"; }
        }

        foreach (var workload in set.Workloads)
        {
            foreach (var (name, keys) in Used(workload))
            {
                if (MountedFolders.SecretOf(set, name) is not { } known) { yield return $"{workload.Name}: the Secret '{name}' is neither generated nor documented"; }
                else { foreach (string key in keys.Where(key => !known.ContainsKey(key))) { yield return $"{workload.Name}: the Secret '{name}' has no key '{key}'"; } }
            }
        }
    }

    private static IEnumerable<(string Name, IEnumerable<string> Keys)> Used(Workload workload) =>
    [
        .. (workload.Pod.Volumes ?? []).Where(volume => volume.Secret is not null).Select(volume => (volume.Secret.SecretName, (volume.Secret.Items ?? []).Select(item => item.Key))),
        .. workload.Containers.SelectMany(container => container.Env ?? []).Where(variable => variable.ValueFrom?.SecretKeyRef is not null).Select(variable => (variable.ValueFrom.SecretKeyRef.Name, Enumerable.Repeat(variable.ValueFrom.SecretKeyRef.Key, 1))),
    ];
}
