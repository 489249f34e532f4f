using System.Globalization;
using System.Text.RegularExpressions;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Manifests;

/// <summary>A container's variables, resolved as the kubelet does it before it starts the process.</summary>
internal static partial class PodEnvironment
{
    /// <summary>Address of every pod in tests.</summary>
    public const string PodIp = "10.244.1.7";

    /// <param name="podName">Name of the pod.</param>
    /// <param name="errors">What cannot be resolved.</param>
    /// <param name="podIp">Address of the pod.</param>
    public static Dictionary<string, string> Resolve(ManifestSet manifests, Workload workload, V1Container container, string podName, List<string> errors, string podIp = PodIp)
    {
        var known = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var variable in container.Env ?? [])
        {
            if (known.ContainsKey(variable.Name)) { errors.Add($"{variable.Name} is set twice"); }
            string? value = variable.ValueFrom is { } source
                ? Field(workload, source.FieldRef?.FieldPath, podName, podIp) ?? Resource(workload, source.ResourceFieldRef) ?? Secret(manifests, source.SecretKeyRef)
                : Expand(variable.Value ?? "", known, errors, variable.Name);
            if (value is null) { errors.Add($"{variable.Name}: what it comes from is not there"); }
            else { known[variable.Name] = value; }
        }

        return known;
    }

    /// <summary>Kubernetes replaces <c>$(NAME)</c> by a variable that stands before it, and leaves anything else as it is.</summary>
    public static string Expand(string text, IReadOnlyDictionary<string, string> known, List<string> errors, string where) => Reference().Replace(text, match =>
    {
        if (known.TryGetValue(match.Groups[1].Value, out string? value)) { return value; }
        errors.Add($"{where}: {match.Value} is no variable that is set before it");
        return match.Value;
    });

    private static string? Field(Workload workload, string? path, string podName, string podIp)
    {
        if (path is null) { return null; }
        if (LabelPath().Match(path) is { Success: true } label) { return workload.Labels.TryGetValue(label.Groups[1].Value, out string? value) ? value : null; }
        return path switch
        {
            "metadata.name" => podName,
            "metadata.namespace" => (workload.Source as IMetadata<V1ObjectMeta>)?.Metadata.NamespaceProperty,
            "metadata.uid" => "00000000-0000-0000-0000-000000000000",
            "status.podIP" => podIp,
            "status.hostIP" => "10.0.0.4",
            "spec.nodeName" => "node",
            "spec.serviceAccountName" => workload.Pod.ServiceAccountName,
            _ => null,
        };
    }

    private static string? Resource(Workload workload, V1ResourceFieldSelector? selector)
    {
        if (selector is null) { return null; }
        string[] parts = selector.Resource.Split('.');
        var resources = workload.Containers.FirstOrDefault(one => one.Name == selector.ContainerName)?.Resources;
        var amounts = parts[0] == "limits" ? resources?.Limits : resources?.Requests;
        if (parts.Length != 2 || amounts?.TryGetValue(parts[1], out var amount) != true) { return null; }
        decimal divisor = selector.Divisor is { } given && given.ToDecimal() != 0 ? given.ToDecimal() : 1;
        return Math.Ceiling(amount!.ToDecimal() / divisor).ToString(CultureInfo.InvariantCulture);
    }

    private static string? Secret(ManifestSet manifests, V1SecretKeySelector? selector) =>
        selector is null ? null : MountedFolders.SecretOf(manifests, selector.Name)?.GetValueOrDefault(selector.Key);

    [GeneratedRegex(@"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")]
    private static partial Regex Reference();

    [GeneratedRegex(@"^metadata\.labels\['(.+)'\]$")]
    private static partial Regex LabelPath();
}
