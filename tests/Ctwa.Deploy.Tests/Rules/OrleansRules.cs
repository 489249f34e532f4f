using Ctwa.Deploy.Tests.Manifests;
using Ctwa.Grains.Abstractions;
using k8s.Models;
using Orleans.Hosting.Kubernetes;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>What Orleans' hosting on Kubernetes needs.</summary>
internal static class OrleansRules
{
    private static readonly Dictionary<string, string> s_variables = new(StringComparer.Ordinal)
    {
        [KubernetesHostingOptions.PodNameEnvironmentVariable] = "metadata.name",
        [KubernetesHostingOptions.PodNamespaceEnvironmentVariable] = "metadata.namespace",
        [KubernetesHostingOptions.PodIPEnvironmentVariable] = "status.podIP",
        [KubernetesHostingOptions.ServiceIdEnvironmentVariable] = $"metadata.labels['{KubernetesHostingOptions.ServiceIdLabel}']",
        [KubernetesHostingOptions.ClusterIdEnvironmentVariable] = $"metadata.labels['{KubernetesHostingOptions.ClusterIdLabel}']",
    };

    /// <summary>Variables from the right fields, and labels by which silos find each other's pods.</summary>
    public static IEnumerable<string> Hosting(ManifestSet set)
    {
        foreach (var workload in set.Workloads.Where(workload => workload.IsSilo))
        {
            foreach (var (name, field) in s_variables)
            {
                if (workload.Pod.Containers.Single(one => one.Name == "silo").Env?.FirstOrDefault(one => one.Name == name)?.ValueFrom?.FieldRef?.FieldPath != field) { yield return $"{workload.Name}: the variable {name} is not the pod's {field}"; }
            }

            string? clusterId = OptionRules.Read(set, workload).Options?.Cluster.ClusterId;
            foreach (var (label, value) in new[] { (KubernetesHostingOptions.ServiceIdLabel, GridIdentity.ServiceId), (KubernetesHostingOptions.ClusterIdLabel, clusterId) })
            {
                if (workload.Labels.TryGetValue(label, out string? given) ? given != value : true) { yield return $"{workload.Name}: its pods' label {label} is not '{value}'"; }
            }

            // A pod's name is the silo's: were names used again, a watcher could take the dead for the living.
            if (workload.Source is V1StatefulSet) { yield return $"{workload.Name}: its pods' names come back (docs/decisions/0010)"; }
        }
    }

    /// <summary>The account of silos may see pods and nothing else; no other pod has an account's token.</summary>
    public static IEnumerable<string> ApiAccess(ManifestSet set)
    {
        foreach (var workload in set.Workloads)
        {
            string? account = workload.Pod.ServiceAccountName;
            if (!set.Of<V1ServiceAccount>().Any(one => one.Metadata.Name == account)) { yield return $"{workload.Name}: there is no ServiceAccount '{account}'"; }
            if (workload.Pod.AutomountServiceAccountToken != workload.IsSilo) { yield return $"{workload.Name}: {(workload.IsSilo ? "it has no token for the Kubernetes API" : "it has a token of the Kubernetes API and does not need one")}"; }
            var rules = RulesOf(set, account).ToArray();
            string[] verbs = [.. rules.Where(rule => rule.ApiGroups?.Contains("") == true && rule.Resources?.Contains("pods") == true).SelectMany(rule => rule.Verbs)];
            string[] needed = workload.IsSilo ? ["get", "list", "watch"] : [];
            foreach (string verb in needed.Except(verbs)) { yield return $"{workload.Name}: its account may not {verb} pods"; }
            if (rules.Any(rule => rule.Verbs.Except(needed).Any() || rule.Resources?.SequenceEqual(["pods"]) != true || rule.ApiGroups?.SequenceEqual([""]) != true)) { yield return $"{workload.Name}: its account may do more than it needs"; }
        }

        foreach (var account in set.Of<V1ServiceAccount>().Where(account => account.AutomountServiceAccountToken != false)) { yield return $"ServiceAccount {account.Metadata.Name} gives its token to every pod that names it"; }
    }

    /// <summary>What roles let an account do.</summary>
    public static IEnumerable<V1PolicyRule> RulesOf(ManifestSet set, string? account)
    {
        string? home = set.Of<V1Namespace>().FirstOrDefault()?.Metadata.Name;
        return set.Of<V1RoleBinding>()
            .Where(binding => (binding.Subjects ?? []).Any(subject => subject.Kind == "ServiceAccount" && subject.Name == account && subject.NamespaceProperty == home) && binding.RoleRef.Kind == "Role")
            .SelectMany(binding => set.Of<V1Role>().Where(role => role.Metadata.Name == binding.RoleRef.Name && role.Metadata.NamespaceProperty == binding.Metadata.NamespaceProperty).SelectMany(role => role.Rules ?? []));
    }
}
