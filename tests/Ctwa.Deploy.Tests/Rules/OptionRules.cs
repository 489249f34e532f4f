using Ctwa.Deploy.Tests.Manifests;
using Ctwa.Silo.Hosting.Options;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>Settings, read by the programs' own readers.</summary>
internal static class OptionRules
{
    /// <summary>Variables of a silo's container that are none of its options: what Orleans reads, what Kubernetes expands into others, and what .NET and OpenTelemetry read.</summary>
    private static readonly string[] s_beside = ["POD_NAME", "POD_NAMESPACE", "POD_IP", "ORLEANS_SERVICE_ID", "ORLEANS_CLUSTER_ID", "MEMORY_MIB"];

    private static readonly string[] s_client = ["CTWA_REDIS", "CTWA_CLUSTER_ID", "CTWA_REDIS_PASSWORD", "CTWA_TOKEN", "HOME"];

    public static IEnumerable<string> SiloOptions(ManifestSet set) => set.Workloads.Where(workload => workload.IsSilo).SelectMany(workload => Read(set, workload).Errors.Select(error => $"{workload.Name}: {error}"));

    /// <summary>What a silo of this workload makes of its settings.</summary>
    public static (SiloOptions? Options, IReadOnlyList<string> Errors) Read(ManifestSet set, Workload workload)
    {
        var container = workload.Pod.Containers.Single(one => one.Name == "silo");
        var errors = new List<string>();
        var environment = PodEnvironment.Resolve(set, workload, container, "ctwa-silo-5d9f", errors);
        errors.AddRange(environment.Keys.Where(name => !name.StartsWith(OptionSources.Prefix, StringComparison.Ordinal) && !s_beside.Contains(name) && !name.StartsWith("OTEL_", StringComparison.Ordinal) && !name.StartsWith("DOTNET_", StringComparison.Ordinal)).Select(name => $"nothing reads the variable {name}"));
        using var folders = new MountedFolders(set, workload, container);
        foreach (string name in environment.Keys.ToArray()) { environment[name] = folders.Translate(environment[name], container); }
        if (container.Command is { Count: > 0 }) { errors.Add("it does not run what the image is made for"); }
        var (options, wrong) = SiloCommand.Parse([.. container.Args ?? []], environment);
        errors.AddRange(wrong);
        if (options is null) { return (null, errors); }
        errors.AddRange(new[] { ("silo", options.Cluster.SiloPort), ("gateway", options.Cluster.GatewayPort), ("channel", options.Cluster.ChannelPort), ("http", options.Operation.HealthPort ?? -1) }
            .Where(pair => container.Ports?.FirstOrDefault(port => port.Name == pair.Item1)?.ContainerPort != pair.Item2).Select(pair => FormattableString.Invariant($"the silo listens on {pair.Item2}, and the port '{pair.Item1}' of its container is another")));
        if (container.Ports?.Count != 4) { errors.Add("its container has other ports than the silo's four"); }
        if (options.Cluster.Advertise.ToString() != PodEnvironment.PodIp) { errors.Add($"it tells others the address {options.Cluster.Advertise} instead of the pod's"); }
        if (options.Cluster.Bind.ToString() != "0.0.0.0") { errors.Add($"it listens on {options.Cluster.Bind}; kubectl port-forward comes by loopback"); }
        if (options.Cluster.Redis is { Password: null } or null) { errors.Add("it has no password for Redis"); }
        if (options.Security.Secret is null) { errors.Add("it has no secret of the cluster"); }
        if (options.Security.Tokens is null) { errors.Add("it has no file of tokens"); }
        if (options.Cluster.Pod is null) { errors.Add("it does not know that it runs in a pod"); }
        var redis = set.Of<V1Service>().FirstOrDefault(service => service.Metadata.Name == options.Cluster.Redis?.Host);
        if (options.Cluster.Redis is { } address && !address.Host.Contains('.', StringComparison.Ordinal) && redis?.Spec.Ports.Any(port => port.Port == address.Port) != true) { errors.Add($"there is no Service at {address}"); }
        return (options, errors);
    }

    /// <summary>ctwa takes no notice of variables that it does not know: their names are compared.</summary>
    public static IEnumerable<string> ClientVariables(ManifestSet set)
    {
        foreach (var workload in set.Workloads.Where(workload => workload.IsClient))
        {
            var errors = new List<string>();
            var environment = PodEnvironment.Resolve(set, workload, workload.Pod.Containers[0], "ctwa-client-1", errors);
            foreach (string error in errors) { yield return $"{workload.Name}: {error}"; }
            foreach (string unknown in environment.Keys.Except(s_client)) { yield return $"{workload.Name}: nothing reads the variable {unknown}"; }
            foreach (string missing in s_client.Except(environment.Keys)) { yield return $"{workload.Name}: the variable {missing} is missing"; }
            foreach (var silo in set.Workloads.Where(one => one.IsSilo).Select(one => Read(set, one).Options).OfType<SiloOptions>())
            {
                if (environment.GetValueOrDefault("CTWA_CLUSTER_ID") != silo.Cluster.ClusterId) { yield return $"{workload.Name}: it looks for the grid '{environment.GetValueOrDefault("CTWA_CLUSTER_ID")}', and the silos' is '{silo.Cluster.ClusterId}'"; }
                if (silo.Cluster.Redis is { } redis && Ctwa.Grains.Abstractions.RedisEndpoint.Parse(environment.GetValueOrDefault("CTWA_REDIS") ?? "-").ToString() != redis.ToString()) { yield return $"{workload.Name}: its Redis is not the silos'"; }
            }
        }
    }
}
