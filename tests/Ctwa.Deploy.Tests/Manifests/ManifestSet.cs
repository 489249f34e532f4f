using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using k8s;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Manifests;

/// <summary>Rendered manifests, read into Kubernetes' own types.</summary>
internal sealed class ManifestSet
{
    private static readonly Dictionary<string, Type> s_customKinds = new(StringComparer.Ordinal)
    {
        ["monitoring.coreos.com/v1/PodMonitor"] = typeof(CustomKinds.PodMonitor),
        ["monitoring.coreos.com/v1/PrometheusRule"] = typeof(CustomKinds.PrometheusRule),
        ["keda.sh/v1alpha1/ScaledObject"] = typeof(CustomKinds.ScaledObject),
    };

    private ManifestSet(string origin, IReadOnlyList<object> all) => (Origin, All) = (origin, all);

    /// <summary>The folder below <c>deploy/k8s</c> that was rendered.</summary>
    public string Origin { get; }

    /// <summary>For one machine, with secrets that everybody knows.</summary>
    public bool IsDevelopment => Origin == "overlays/dev";

    public IReadOnlyList<object> All { get; }

    public IReadOnlyList<Workload> Workloads =>
    [
        .. Of<V1Deployment>().Select(one => new Workload(one, "Deployment " + one.Metadata.Name, one.Spec.Selector, one.Spec.Template)),
        .. Of<V1StatefulSet>().Select(one => new Workload(one, "StatefulSet " + one.Metadata.Name, one.Spec.Selector, one.Spec.Template)),
        .. Of<V1Job>().Select(one => new Workload(one, "Job " + one.Metadata.Name, null, one.Spec.Template)),
    ];

    public IEnumerable<T> Of<T>() => All.OfType<T>();

    /// <summary>Reads all documents. Unknown kinds, unknown or repeated keys, values of a wrong type and missing required fields are errors.</summary>
    /// <exception cref="InvalidDataException">What is wrong and where.</exception>
    public static ManifestSet Read(string origin, string yaml)
    {
        List<object> all;
        try { all = KubernetesYaml.LoadAllFromString(yaml, s_customKinds, strict: true); }
        catch (Exception wrong) when (wrong is YamlDotNet.Core.YamlException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new InvalidDataException($"{(wrong as YamlDotNet.Core.YamlException)?.Start.ToString()} {wrong.Message} {wrong.InnerException?.Message}", wrong);
        }

        string[] missing = [.. all.SelectMany(one => MissingIn(one, NameOf(one))), .. all.Where(one => string.IsNullOrEmpty((one as IMetadata<V1ObjectMeta>)?.Metadata?.Name)).Select(one => $"a {one.GetType().Name} has no name")];
        return missing.Length == 0 ? new ManifestSet(origin, all) : throw new InvalidDataException(string.Join('\n', missing));
    }

    /// <summary>Kind and name.</summary>
    public static string NameOf(object manifest) => $"{manifest.GetType().Name} {(manifest as IMetadata<V1ObjectMeta>)?.Metadata?.Name}";

    // The reader takes an object without its required fields, and Kubernetes' types do not say which those are.
    private static IEnumerable<string> MissingIn(object value, string path)
    {
        foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.GetIndexParameters().Length == 0 && property.CanWrite))
        {
            object? inner = property.GetValue(value);
            string place = $"{path}.{property.Name}";
            if (inner is null)
            {
                if (property.GetCustomAttribute<RequiredMemberAttribute>() is not null || RequiredFields.All.Contains((value.GetType(), property.Name))) { yield return $"{place} is missing"; }
                continue;
            }

            IEnumerable<(object Part, string Place)> parts = inner switch
            {
                string => [],
                IDictionary pairs => pairs.Values.Cast<object?>().Where(one => one is not null).Select((one, i) => (one!, $"{place}[{i}]")),
                IEnumerable list => list.Cast<object?>().Where(one => one is not null).Select((one, i) => (one!, $"{place}[{i}]")),
                _ => [(inner, place)],
            };
            foreach (var (part, where) in parts.Where(part => part.Part.GetType().Namespace is "k8s.Models" || part.Part.GetType().Assembly == typeof(ManifestSet).Assembly))
            {
                foreach (string missing in MissingIn(part, where)) { yield return missing; }
            }
        }
    }
}
