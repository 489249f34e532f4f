using Ctwa.Deploy.Tests.Manifests;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>What must outlive pods, and who sees it.</summary>
internal static class StorageRules
{
    /// <summary>All silos see runs under one path; a silo's own records are its own.</summary>
    public static IEnumerable<string> Storage(ManifestSet set)
    {
        var silos = set.Workloads.Where(workload => workload.IsSilo).ToArray();
        foreach (var silo in silos)
        {
            if (OptionRules.Read(set, silo).Options is not { } options) { continue; }
            var container = silo.Pod.Containers.Single(one => one.Name == "silo");
            string? root = container.Env?.FirstOrDefault(one => one.Name == "CTWA_SILO_ALLOW_ROOT")?.Value, data = container.Env?.FirstOrDefault(one => one.Name == "CTWA_SILO_DATA")?.Value;
            if (options.Folders.AllowedRoots.Count != 1 || VolumeAt(silo, container, root)?.PersistentVolumeClaim?.ClaimName != "ctwa-storage") { yield return $"{silo.Name}: jobs are not kept below the shared volume"; }
            if (VolumeAt(silo, container, data)?.EmptyDir is null) { yield return $"{silo.Name}: its own records are not in a folder of its own"; }
        }

        foreach (var claim in set.Of<V1PersistentVolumeClaim>().Where(claim => claim.Metadata.Name == "ctwa-storage"))
        {
            string mode = set.IsDevelopment ? "ReadWriteOnce" : "ReadWriteMany";
            if (claim.Spec.AccessModes?.SequenceEqual([mode]) != true) { yield return $"{claim.Metadata.Name}: the access mode is not {mode}"; }
            if (claim.Spec.Resources?.Requests?.ContainsKey("storage") != true) { yield return $"{claim.Metadata.Name}: it does not say how large it is"; }
        }
    }

    /// <summary>Redis keeps what it is told, and tells it to those who know the password.</summary>
    public static IEnumerable<string> Redis(ManifestSet set)
    {
        foreach (var redis in set.Workloads.Where(workload => workload.IsRedis))
        {
            var container = redis.Pod.Containers.Single(one => one.Name == "redis");
            if (ConfigurationOf(set, redis) is not { } text)
            {
                yield return $"{redis.Name}: it has no configuration";
                continue;
            }

            string[] lines = [.. text.Split('\n').Select(line => line.Trim())];
            foreach (string needed in (string[])["appendonly yes", "maxmemory-policy noeviction", "dir /data"]) { if (!lines.Contains(needed)) { yield return $"{redis.Name}: its configuration lacks '{needed}'"; } }
            string? volume = container.VolumeMounts?.FirstOrDefault(mount => mount.MountPath == "/data")?.Name;
            if ((redis.Source as V1StatefulSet)?.Spec.VolumeClaimTemplates?.Any(claim => claim.Metadata.Name == volume) != true) { yield return $"{redis.Name}: what it keeps dies with its pod"; }
            var errors = new List<string>();
            var environment = PodEnvironment.Resolve(set, redis, container, "ctwa-redis-0", errors);
            string[] arguments = [.. (container.Args ?? []).Select(argument => PodEnvironment.Expand(argument, environment, errors, redis.Name))];
            foreach (string error in errors) { yield return $"{redis.Name}: {error}"; }
            int password = Array.IndexOf(arguments, "--requirepass") + 1;
            if (password == 0 || password == arguments.Length || arguments[password] != environment.GetValueOrDefault("REDISCLI_AUTH")) { yield return $"{redis.Name}: it asks for no password, or its probes know another"; }
        }
    }

    /// <summary>Text of <c>redis.conf</c>; null: none is mounted.</summary>
    public static string? ConfigurationOf(ManifestSet set, Workload redis)
    {
        string? map = redis.Pod.Volumes?.Select(volume => volume.ConfigMap?.Name).FirstOrDefault(name => name is not null);
        return set.Of<V1ConfigMap>().FirstOrDefault(one => one.Metadata.Name == map)?.Data?.TryGetValue("redis.conf", out string? text) == true ? text : null;
    }

    private static V1Volume? VolumeAt(Workload workload, V1Container container, string? path) =>
        container.VolumeMounts?.FirstOrDefault(mount => mount.MountPath == path) is { } found ? workload.Pod.Volumes?.FirstOrDefault(volume => volume.Name == found.Name) : null;
}
