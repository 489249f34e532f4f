using Ctwa.Deploy.Tests.Manifests;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>Where pods run, with what, and how many of them.</summary>
internal static class PlacementRules
{
    private const string GpuResource = "nvidia.com/gpu";

    public static IEnumerable<string> Resources(ManifestSet set)
    {
        foreach (var workload in set.Workloads)
        {
            foreach (var container in workload.Containers)
            {
                var (requests, limits) = (container.Resources?.Requests, container.Resources?.Limits);
                if (requests?.ContainsKey("cpu") != true || requests.ContainsKey("memory") != true) { yield return $"{workload.Name}: it does not say what it needs"; }
                if (limits?.ContainsKey("memory") != true) { yield return $"{workload.Name}: nothing bounds its memory"; }
                else if (workload.IsSilo && !set.IsDevelopment && requests?.TryGetValue("memory", out var asked) == true && asked != limits["memory"]) { yield return $"{workload.Name}: under pressure it is among the first to be killed: memory asked for and bound differ"; }
                if (workload.IsSilo && !set.IsDevelopment && limits?.TryGetValue("memory", out var most) == true && OptionRules.Read(set, workload).Options?.Work.MemoryBytes is { } told && told > most.ToDecimal()) { yield return $"{workload.Name}: it believes to have more memory than its limit"; }
            }
        }
    }

    /// <summary>A silo with a GPU has one, on nodes that have them; others ask for none.</summary>
    public static IEnumerable<string> Gpu(ManifestSet set)
    {
        foreach (var workload in set.Workloads.Where(workload => workload.IsSilo))
        {
            bool takes = workload.Containers.Any(container => container.Resources?.Limits?.ContainsKey(GpuResource) == true);
            string device = OptionRules.Read(set, workload).Options?.Work.Device ?? "";
            if (!takes)
            {
                if (device != "cpu") { yield return $"{workload.Name}: its device is '{device}', and it asks for no GPU"; }
                continue;
            }

            if (workload.Containers.Select(container => container.Resources?.Limits).OfType<IDictionary<string, ResourceQuantity>>().Sum(limits => limits.TryGetValue(GpuResource, out var count) ? count.ToDecimal() : 0) != 1) { yield return $"{workload.Name}: one silo takes one GPU"; }
            if (device != "cuda:0") { yield return $"{workload.Name}: it has a GPU, and its device is '{device}'"; }
            if ((workload.Pod.Tolerations ?? []).All(toleration => toleration.Key != GpuResource)) { yield return $"{workload.Name}: nodes with GPUs are usually tainted {GpuResource}, which it does not tolerate"; }
            var terms = workload.Pod.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution?.NodeSelectorTerms ?? [];
            if (terms.Count == 0 || terms.Any(term => term.MatchExpressions?.Any(one => one.Key.StartsWith("nvidia.com/gpu", StringComparison.Ordinal)) != true)) { yield return $"{workload.Name}: it does not choose nodes with GPUs"; }
        }
    }

    /// <summary>One machine does not take all silos along if there are others.</summary>
    public static IEnumerable<string> Spread(ManifestSet set)
    {
        foreach (var workload in set.Workloads.Where(workload => workload.IsSilo))
        {
            var host = workload.Pod.TopologySpreadConstraints?.FirstOrDefault(one => one.TopologyKey == "kubernetes.io/hostname");
            if (host is null) { yield return $"{workload.Name}: its silos may all be put on one machine"; }
            else if (host.WhenUnsatisfiable != "ScheduleAnyway") { yield return $"{workload.Name}: a silo waits for a machine of its own"; }
        }
    }

    /// <summary>The autoscaler and the manifests do not set one number both.</summary>
    public static IEnumerable<string> Scaling(ManifestSet set)
    {
        foreach (var scaled in set.Of<CustomKinds.ScaledObject>())
        {
            var target = set.Of<V1Deployment>().FirstOrDefault(one => one.Metadata.Name == scaled.Spec.ScaleTargetRef.Name);
            if (target is null) { yield return $"{scaled.Metadata.Name}: there is no Deployment '{scaled.Spec.ScaleTargetRef.Name}'"; }
            else if (target.Spec.Replicas is not null) { yield return $"{scaled.Metadata.Name}: applying the manifests sets the number of silos back to {target.Spec.Replicas}"; }
            if (scaled.Spec.MinReplicaCount is not >= 0 || scaled.Spec.MaxReplicaCount is null || scaled.Spec.MaxReplicaCount <= scaled.Spec.MinReplicaCount) { yield return $"{scaled.Metadata.Name}: between {scaled.Spec.MinReplicaCount} and {scaled.Spec.MaxReplicaCount} there is nothing to scale"; }
            if (scaled.Spec.Advanced?.HorizontalPodAutoscalerConfig?.Behavior?.ScaleDown?.Policies?.Any(policy => policy is { Type: "Pods", Value: 1 }) != true) { yield return $"{scaled.Metadata.Name}: silos are not taken away one at a time"; }
            foreach (var trigger in scaled.Spec.Triggers.Where(trigger => trigger.Type != "prometheus" || !trigger.Metadata.TryGetValue("query", out string? query) || !query.Contains("ctwa_grid_jobs{", StringComparison.Ordinal) || !trigger.Metadata.ContainsKey("serverAddress") || !trigger.Metadata.ContainsKey("threshold"))) { yield return $"{scaled.Metadata.Name}: its trigger '{trigger.Type}' does not ask for the queue"; }
        }

        // One Redis: two with one volume each would be two grids.
        foreach (var redis in set.Workloads.Where(workload => workload.IsRedis && (workload.Source as V1StatefulSet)?.Spec.Replicas != 1)) { yield return $"{redis.Name}: there must be exactly one"; }
    }

    /// <summary>Images have a tag that is not moved, or a digest.</summary>
    public static IEnumerable<string> Images(ManifestSet set)
    {
        foreach (var workload in set.Workloads)
        {
            foreach (var container in workload.Containers)
            {
                string last = container.Image?.Split('/')[^1] ?? "";
                if (!last.Contains('@', StringComparison.Ordinal) && (!last.Contains(':', StringComparison.Ordinal) || last.EndsWith(":latest", StringComparison.Ordinal))) { yield return $"{workload.Name}: the image '{container.Image}' has no version"; }
                if (container.Image?.Contains('/', StringComparison.Ordinal) != true) { yield return $"{workload.Name}: the image '{container.Image}' is of no registry"; }
            }
        }
    }
}
