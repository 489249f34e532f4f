using System.Text;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Manifests;

/// <summary>A pod's volumes in a folder of the test's own, as the kubelet lays them out: files of Secrets are links that never change themselves.</summary>
internal sealed class MountedFolders : IDisposable
{
    /// <summary>What the keys of the Secrets hold that nobody generates; docs/kubernetes.md tells users to make them.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> DocumentedSecrets { get; } = new Dictionary<string, IReadOnlyDictionary<string, string>>(StringComparer.Ordinal)
    {
        ["ctwa-secrets"] = new Dictionary<string, string>(StringComparer.Ordinal) { ["redis-password"] = "a-password-of-redis", ["cluster-secret"] = "a-secret-of-the-cluster-0123" },
        ["ctwa-tokens"] = new Dictionary<string, string>(StringComparer.Ordinal) { ["tokens.json"] = """{"tokens": []}""" },
        ["ctwa-client"] = new Dictionary<string, string>(StringComparer.Ordinal) { ["token"] = "a-token" },
        ["ctwa-tls"] = new Dictionary<string, string>(StringComparer.Ordinal) { ["tls.crt"] = "-", ["tls.key"] = "-", ["ca.crt"] = "-" },
    };

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("ctwa-pod-");

    /// <summary>Makes the volumes of a workload.</summary>
    public MountedFolders(ManifestSet manifests, Workload workload, V1Container container)
    {
        foreach (var mount in container.VolumeMounts ?? [])
        {
            string folder = Directory.CreateDirectory(PathOf(mount.MountPath)).FullName;
            if (workload.Pod.Volumes?.FirstOrDefault(volume => volume.Name == mount.Name)?.Secret is not { } secret || SecretOf(manifests, secret.SecretName) is not { } values) { continue; }
            var files = secret.Items is { Count: > 0 } items ? items.Where(item => values.ContainsKey(item.Key)).ToDictionary(item => item.Path, item => values[item.Key]) : values.ToDictionary(pair => pair.Key, pair => pair.Value);
            WriteAsKubelet(folder, files);
        }
    }

    /// <summary>Keys and values of a Secret: the generated one, or one that users make; null: neither.</summary>
    public static IReadOnlyDictionary<string, string>? SecretOf(ManifestSet manifests, string? name)
    {
        if (name is null) { return null; }
        if (manifests.Of<V1Secret>().FirstOrDefault(secret => secret.Metadata.Name == name) is { } generated)
        {
            return (generated.Data ?? new Dictionary<string, byte[]>()).ToDictionary(pair => pair.Key, pair => Encoding.UTF8.GetString(pair.Value), StringComparer.Ordinal);
        }

        return DocumentedSecrets.GetValueOrDefault(name);
    }

    /// <summary>Where a path of the container lies.</summary>
    public string PathOf(string inContainer) => Path.Combine(_root.FullName, inContainer.TrimStart('/'));

    /// <summary>A setting with every path below a mount as it is here.</summary>
    public string Translate(string value, V1Container container) =>
        (container.VolumeMounts ?? []).OrderByDescending(mount => mount.MountPath.Length).FirstOrDefault(mount => value == mount.MountPath || value.StartsWith(mount.MountPath + "/", StringComparison.Ordinal)) is not null
            ? PathOf(value) : value;

    /// <summary>Puts files into a mounted Secret the way the kubelet does, also over older ones.</summary>
    public static void WriteAsKubelet(string folder, IReadOnlyDictionary<string, string> files)
    {
        string version = $"..{Guid.NewGuid():N}";
        Directory.CreateDirectory(Path.Combine(folder, version));
        foreach (var (name, text) in files) { File.WriteAllText(Path.Combine(folder, version, name), text); }
        string current = Path.Combine(folder, "..data");
        File.Delete(current);
        File.CreateSymbolicLink(current, version);
        foreach (string name in files.Keys.Where(name => !File.Exists(Path.Combine(folder, name)))) { File.CreateSymbolicLink(Path.Combine(folder, name), Path.Combine("..data", name)); }
    }

    public void Dispose() => _root.Delete(recursive: true);
}
