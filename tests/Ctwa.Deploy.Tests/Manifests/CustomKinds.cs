using k8s;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Manifests;

/// <summary>Kinds that other operators define, with the fields that are used here: whatever else a manifest has is refused, as a typing error would be.</summary>
internal static class CustomKinds
{
    public abstract class CustomObject : IMetadata<V1ObjectMeta>
    {
        public required string ApiVersion { get; set; }

        public required string Kind { get; set; }

        public required V1ObjectMeta Metadata { get; set; }
    }

    /// <summary>prometheus-operator, monitoring.coreos.com/v1.</summary>
    public sealed class PodMonitor : CustomObject
    {
        public required PodMonitorSpec Spec { get; set; }
    }

    public sealed class PodMonitorSpec
    {
        public required V1LabelSelector Selector { get; set; }

        public required IList<PodMetricsEndpoint> PodMetricsEndpoints { get; set; }
    }

    public sealed class PodMetricsEndpoint
    {
        public required string Port { get; set; }

        public required string Path { get; set; }

        public string? Interval { get; set; }

        public string? ScrapeTimeout { get; set; }

        public bool? HonorLabels { get; set; }
    }

    /// <summary>prometheus-operator, monitoring.coreos.com/v1.</summary>
    public sealed class PrometheusRule : CustomObject
    {
        public required PrometheusRuleSpec Spec { get; set; }
    }

    public sealed class PrometheusRuleSpec
    {
        public required IList<RuleGroup> Groups { get; set; }
    }

    public sealed class RuleGroup
    {
        public required string Name { get; set; }

        public string? Interval { get; set; }

        public required IList<Rule> Rules { get; set; }
    }

    public sealed class Rule
    {
        public string? Alert { get; set; }

        public string? Record { get; set; }

        public required string Expr { get; set; }

        public string? For { get; set; }

        public string? KeepFiringFor { get; set; }

        public IDictionary<string, string>? Labels { get; set; }

        public IDictionary<string, string>? Annotations { get; set; }
    }

    /// <summary>KEDA, keda.sh/v1alpha1.</summary>
    public sealed class ScaledObject : CustomObject
    {
        public required ScaledObjectSpec Spec { get; set; }
    }

    public sealed class ScaledObjectSpec
    {
        public required ScaleTarget ScaleTargetRef { get; set; }

        public required int? MinReplicaCount { get; set; }

        public required int? MaxReplicaCount { get; set; }

        public int? PollingInterval { get; set; }

        public int? CooldownPeriod { get; set; }

        public ScaleFallback? Fallback { get; set; }

        public ScaleAdvanced? Advanced { get; set; }

        public required IList<ScaleTrigger> Triggers { get; set; }
    }

    public sealed class ScaleTarget
    {
        public string? ApiVersion { get; set; }

        public string? Kind { get; set; }

        public required string Name { get; set; }
    }

    public sealed class ScaleFallback
    {
        public required int? FailureThreshold { get; set; }

        public required int? Replicas { get; set; }

        public string? Behavior { get; set; }
    }

    public sealed class ScaleAdvanced
    {
        public ScaleBehaviour? HorizontalPodAutoscalerConfig { get; set; }
    }

    public sealed class ScaleBehaviour
    {
        public V2HorizontalPodAutoscalerBehavior? Behavior { get; set; }
    }

    public sealed class ScaleTrigger
    {
        public required string Type { get; set; }

        public string? MetricType { get; set; }

        public required IDictionary<string, string> Metadata { get; set; }
    }
}
