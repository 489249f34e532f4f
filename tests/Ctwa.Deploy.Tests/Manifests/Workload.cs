using k8s.Models;

namespace Ctwa.Deploy.Tests.Manifests;

/// <summary>What runs pods: a Deployment, a StatefulSet or a Job, in the parts that they share.</summary>
/// <param name="Source">The object itself.</param>
/// <param name="Name">Kind and name, for messages.</param>
/// <param name="Selector">Labels by which it knows its pods; null: it needs none.</param>
internal sealed record Workload(object Source, string Name, V1LabelSelector? Selector, V1PodTemplateSpec Template)
{
    /// <summary>Labels of its pods.</summary>
    public IDictionary<string, string> Labels => Template.Metadata?.Labels ?? new Dictionary<string, string>();

    public V1PodSpec Pod => Template.Spec;

    public IEnumerable<V1Container> Containers => [.. Pod.InitContainers ?? [], .. Pod.Containers];

    /// <summary>Runs <c>ctwa-silo</c>: its containers have no command of their own and settings of a silo.</summary>
    public bool IsSilo => Pod.Containers.Any(container => container.Name == "silo");

    /// <summary>Pods that run <c>ctwa</c>.</summary>
    public bool IsClient => Pod.Containers.Any(container => container.Name is "client" or "submit");

    public bool IsRedis => Pod.Containers.Any(container => container.Name == "redis");

    /// <summary>The name that a Service or a probe may call a port by, or its number.</summary>
    public bool HasPort(string port) => Containers.SelectMany(container => container.Ports ?? []).Any(one => one.Name == port || one.ContainerPort.ToString(System.Globalization.CultureInfo.InvariantCulture) == port);

    /// <summary>The labels fulfil a selector.</summary>
    public bool Matches(V1LabelSelector? selector) => Matches(Labels, selector);

    /// <summary>As Kubernetes decides it; an empty selector fits everything.</summary>
    public static bool Matches(IDictionary<string, string> labels, V1LabelSelector? selector) =>
        selector is not null
        && (selector.MatchLabels ?? new Dictionary<string, string>()).All(pair => labels.TryGetValue(pair.Key, out string? value) && value == pair.Value)
        && (selector.MatchExpressions ?? []).All(expression => expression.OperatorProperty switch
        {
            "In" => labels.TryGetValue(expression.Key, out string? value) && expression.Values.Contains(value),
            "NotIn" => !labels.TryGetValue(expression.Key, out string? value) || !expression.Values.Contains(value),
            "Exists" => labels.ContainsKey(expression.Key),
            "DoesNotExist" => !labels.ContainsKey(expression.Key),
            _ => false,
        });
}
