using Ctwa.Deploy.Tests.Api;
using Ctwa.Deploy.Tests.Manifests;

namespace Ctwa.Deploy.Tests.Host;

/// <summary>A silo that runs as a pod of the manifests would: with its variables, its Secrets as files, its service account, and a Redis and an API of the test's own.</summary>
internal sealed class RenderedPod : IAsyncDisposable
{
    private readonly MountedFolders _folders;

    private RenderedPod(string name, MountedFolders folders, SiloProcess silo) => (Name, _folders, Silo) = (name, folders, silo);

    public string Name { get; }

    public SiloProcess Silo { get; }

    /// <summary>Schedules a pod of the silos' workload and starts its container.</summary>
    /// <param name="suffix">End of the pod's name, as a controller chooses it.</param>
    /// <param name="scheduled">False: the API does not know the pod.</param>
    public static RenderedPod Start(ManifestSet set, FakeKubernetesApi api, RenderedRedis redis, string suffix, bool scheduled = true, Action<Dictionary<string, string>>? change = null)
    {
        var workload = set.Workloads.Single(one => one.Name == "Deployment ctwa-silo");
        var container = workload.Pod.Containers.Single();
        string name = "ctwa-silo-5d9f7c8b4d-" + suffix;
        var errors = new List<string>();
        var environment = PodEnvironment.Resolve(set, workload, container, name, errors, podIp: "127.0.0.1");
        if (errors.Count > 0) { throw new InvalidOperationException(string.Join('\n', errors)); }
        var folders = new MountedFolders(set, workload, container);
        foreach (string variable in environment.Keys.ToArray()) { environment[variable] = folders.Translate(environment[variable], container); }
        string config = folders.PathOf("/kubeconfig");
        File.WriteAllText(config, api.KubeConfig("sa:" + workload.Pod.ServiceAccountName));
        environment["KUBECONFIG"] = config;
        environment["TMPDIR"] = folders.PathOf("/tmp");
        environment["CTWA_SILO_REDIS"] = redis.Address;
        // Several pods on one machine have one set of ports between them.
        environment["CTWA_SILO_BIND"] = "127.0.0.1";
        foreach (string port in (string[])["SILO", "GATEWAY", "CHANNEL", "HEALTH"]) { environment[$"CTWA_SILO_{port}_PORT"] = "0"; }
        change?.Invoke(environment);
        if (scheduled) { api.Schedule(workload, "ctwa", name); }
        return new RenderedPod(name, folders, SiloProcess.Start(environment));
    }

    public async ValueTask DisposeAsync()
    {
        await Silo.DisposeAsync();
        _folders.Dispose();
    }
}
