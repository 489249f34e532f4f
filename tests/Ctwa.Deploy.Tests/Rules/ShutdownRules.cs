using Ctwa.Deploy.Tests.Manifests;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>Leaving in order.</summary>
internal static class ShutdownRules
{
    // After the drain Orleans hands over what it holds, at most 30 s; and a little for the process to end.
    private const int HandOverSeconds = 35;

    /// <summary>A pod is not killed before its silo has left.</summary>
    public static IEnumerable<string> Shutdown(ManifestSet set)
    {
        foreach (var workload in set.Workloads.Where(workload => workload.IsSilo))
        {
            var container = workload.Pod.Containers.Single(one => one.Name == "silo");
            long pause = container.Lifecycle?.PreStop?.Sleep?.Seconds ?? 0;
            if (pause < 1) { yield return $"{workload.Name}: without a pause before SIGTERM, Services still send it clients while it leaves"; }
            if (OptionRules.Read(set, workload).Options is not { } options) { continue; }
            double needed = pause + options.Operation.DrainTimeout.TotalSeconds + HandOverSeconds;
            if ((workload.Pod.TerminationGracePeriodSeconds ?? 30) < needed) { yield return FormattableString.Invariant($"{workload.Name}: it is killed after {workload.Pod.TerminationGracePeriodSeconds ?? 30} s, and leaving may take {needed} s"); }
        }
    }

    /// <summary>Nodes are emptied one silo at a time.</summary>
    public static IEnumerable<string> Disruption(ManifestSet set)
    {
        foreach (var workload in set.Workloads.Where(workload => workload.IsSilo))
        {
            var budgets = set.Of<V1PodDisruptionBudget>().Where(budget => workload.Matches(budget.Spec.Selector)).ToArray();
            if (budgets.Length != 1) { yield return FormattableString.Invariant($"{workload.Name}: it has {budgets.Length} PodDisruptionBudgets; Kubernetes can evict a pod with exactly one"); }
            else if (budgets[0].Spec.MaxUnavailable?.Value != "1") { yield return $"{workload.Name}: not one at a time may be taken away"; }
        }
    }

    /// <summary>New versions come one silo at a time, and there is always one.</summary>
    public static IEnumerable<string> Rollout(ManifestSet set)
    {
        foreach (var deployment in set.Workloads.Where(workload => workload.IsSilo).Select(workload => workload.Source).OfType<V1Deployment>())
        {
            var rolling = deployment.Spec.Strategy?.RollingUpdate;
            if ((rolling?.MaxSurge?.Value, rolling?.MaxUnavailable?.Value) is not (("0", "1") or ("1", "0"))) { yield return $"{deployment.Metadata.Name}: a new version does not come one silo at a time"; }
            bool takesGpu = deployment.Spec.Template.Spec.Containers.Any(container => container.Resources?.Limits?.ContainsKey("nvidia.com/gpu") == true);
            if (takesGpu && rolling?.MaxSurge?.Value != "0") { yield return $"{deployment.Metadata.Name}: a new version waits for a GPU that may not be there"; }
            if ((deployment.Spec.MinReadySeconds ?? 0) < 5) { yield return $"{deployment.Metadata.Name}: the next silo goes before jobs have moved onto the new one"; }
            if ((deployment.Spec.ProgressDeadlineSeconds ?? 600) <= (deployment.Spec.Template.Spec.TerminationGracePeriodSeconds ?? 30)) { yield return $"{deployment.Metadata.Name}: a rollout counts as stuck while a silo drains"; }
        }
    }
}
