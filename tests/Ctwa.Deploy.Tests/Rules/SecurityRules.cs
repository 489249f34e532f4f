using Ctwa.Deploy.Tests.Manifests;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>Every pod meets Kubernetes' restricted level, and cannot write to its image.</summary>
internal static class SecurityRules
{
    public static IEnumerable<string> PodSecurity(ManifestSet set)
    {
        foreach (var workload in set.Workloads)
        {
            var pod = workload.Pod;
            if (pod.SecurityContext?.RunAsNonRoot != true || pod.SecurityContext.RunAsUser is not > 0 || pod.SecurityContext.RunAsGroup is not > 0) { yield return $"{workload.Name}: it may run as root"; }
            if (pod.SecurityContext?.SeccompProfile?.Type != "RuntimeDefault") { yield return $"{workload.Name}: system calls are not filtered"; }
            if (pod.HostNetwork == true || pod.HostPID == true || pod.HostIPC == true || (pod.Volumes ?? []).Any(volume => volume.HostPath is not null)) { yield return $"{workload.Name}: it shares something with its node"; }
            if (pod.EnableServiceLinks != false) { yield return $"{workload.Name}: variables for every Service of the namespace are put into its environment"; }
            foreach (var container in workload.Containers)
            {
                string name = $"{workload.Name}/{container.Name}";
                var security = container.SecurityContext;
                if (security?.AllowPrivilegeEscalation != false || security.Privileged == true) { yield return $"{name}: it may gain privileges"; }
                if (security?.ReadOnlyRootFilesystem != true) { yield return $"{name}: it may write to its image"; }
                if (security?.Capabilities?.Drop?.Contains("ALL") != true || security.Capabilities.Add is { Count: > 0 }) { yield return $"{name}: it keeps capabilities"; }
                if (!workload.IsRedis && !(container.VolumeMounts ?? []).Any(mount => mount.MountPath == "/tmp" && pod.Volumes?.FirstOrDefault(volume => volume.Name == mount.Name)?.EmptyDir is not null)) { yield return $"{name}: it has no folder for temporary files"; }
                foreach (var mount in (container.VolumeMounts ?? []).Where(mount => pod.Volumes?.FirstOrDefault(volume => volume.Name == mount.Name) is { Secret: not null } or { ConfigMap: not null } && mount.ReadOnlyProperty != true)) { yield return $"{name}: {mount.MountPath} is not mounted read-only"; }
            }
        }
    }
}
