using System.Collections;
using System.Reflection;
using Ctwa.Deploy.Tests.Manifests;
using k8s.Models;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>Fields that take one of a few words: to Kubernetes' types they are texts.</summary>
internal static class WordRules
{
    private static readonly Dictionary<(Type Type, string Property), string[]> s_words = new()
    {
        [(typeof(V1Toleration), nameof(V1Toleration.Effect))] = ["NoSchedule", "PreferNoSchedule", "NoExecute"],
        [(typeof(V1Toleration), nameof(V1Toleration.OperatorProperty))] = ["Exists", "Equal"],
        [(typeof(V1TopologySpreadConstraint), nameof(V1TopologySpreadConstraint.WhenUnsatisfiable))] = ["DoNotSchedule", "ScheduleAnyway"],
        [(typeof(V1NodeSelectorRequirement), nameof(V1NodeSelectorRequirement.OperatorProperty))] = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"],
        [(typeof(V1LabelSelectorRequirement), nameof(V1LabelSelectorRequirement.OperatorProperty))] = ["In", "NotIn", "Exists", "DoesNotExist"],
        [(typeof(V1ContainerPort), nameof(V1ContainerPort.Protocol))] = ["TCP", "UDP", "SCTP"],
        [(typeof(V1ServicePort), nameof(V1ServicePort.Protocol))] = ["TCP", "UDP", "SCTP"],
        [(typeof(V1NetworkPolicyPort), nameof(V1NetworkPolicyPort.Protocol))] = ["TCP", "UDP", "SCTP"],
        [(typeof(V1NetworkPolicySpec), nameof(V1NetworkPolicySpec.PolicyTypes))] = ["Ingress", "Egress"],
        [(typeof(V1PersistentVolumeClaimSpec), nameof(V1PersistentVolumeClaimSpec.AccessModes))] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"],
        [(typeof(V1SeccompProfile), nameof(V1SeccompProfile.Type))] = ["RuntimeDefault", "Localhost", "Unconfined"],
        [(typeof(V1DeploymentStrategy), nameof(V1DeploymentStrategy.Type))] = ["RollingUpdate", "Recreate"],
        [(typeof(V1Container), nameof(V1Container.ImagePullPolicy))] = ["Always", "IfNotPresent", "Never"],
        [(typeof(V1PodSpec), nameof(V1PodSpec.RestartPolicy))] = ["Always", "OnFailure", "Never"],
        [(typeof(V1PodSecurityContext), nameof(V1PodSecurityContext.FsGroupChangePolicy))] = ["OnRootMismatch", "Always"],
        [(typeof(V1PodDisruptionBudgetSpec), nameof(V1PodDisruptionBudgetSpec.UnhealthyPodEvictionPolicy))] = ["IfHealthyBudget", "AlwaysAllow"],
        [(typeof(V1StatefulSetPersistentVolumeClaimRetentionPolicy), nameof(V1StatefulSetPersistentVolumeClaimRetentionPolicy.WhenDeleted))] = ["Retain", "Delete"],
        [(typeof(V1StatefulSetPersistentVolumeClaimRetentionPolicy), nameof(V1StatefulSetPersistentVolumeClaimRetentionPolicy.WhenScaled))] = ["Retain", "Delete"],
        [(typeof(V2HPAScalingPolicy), nameof(V2HPAScalingPolicy.Type))] = ["Pods", "Percent"],
        [(typeof(Rbacv1Subject), nameof(Rbacv1Subject.Kind))] = ["ServiceAccount", "User", "Group"],
        [(typeof(CustomKinds.ScaleTrigger), nameof(CustomKinds.ScaleTrigger.MetricType))] = ["AverageValue", "Value"],
        [(typeof(CustomKinds.ScaleFallback), nameof(CustomKinds.ScaleFallback.Behavior))] = ["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"],
    };

    public static IEnumerable<string> Words(ManifestSet set) => set.All.SelectMany(one => In(one, ManifestSet.NameOf(one)));

    private static IEnumerable<string> In(object value, string path)
    {
        var type = value.GetType();
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.GetIndexParameters().Length == 0))
        {
            if (property.GetValue(value) is not { } inner) { continue; }
            if (s_words.TryGetValue((type, property.Name), out string[]? accepted))
            {
                foreach (string word in inner is string one ? [one] : ((IEnumerable)inner).Cast<string>())
                {
                    if (!accepted.Contains(word)) { yield return $"{path}.{property.Name} is '{word}'; accepted are {string.Join(", ", accepted)}"; }
                }

                continue;
            }

            IEnumerable<object> parts = inner switch
            {
                string => [],
                IDictionary pairs => pairs.Values.Cast<object>(),
                IEnumerable list => list.Cast<object>(),
                _ => [inner],
            };
            foreach (object part in parts.Where(part => part?.GetType().Namespace == "k8s.Models" || part?.GetType().Assembly == typeof(WordRules).Assembly))
            {
                foreach (string wrong in In(part, $"{path}.{property.Name}")) { yield return wrong; }
            }
        }
    }
}
