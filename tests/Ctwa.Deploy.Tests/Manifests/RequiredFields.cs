using k8s.Models;

namespace Ctwa.Deploy.Tests.Manifests;

/// <summary>Fields of the kinds that are used here which Kubernetes refuses an object without.</summary>
internal static class RequiredFields
{
    public static IReadOnlySet<(Type Type, string Property)> All { get; } = new HashSet<(Type, string)>
    {
        (typeof(V1DeploymentSpec), nameof(V1DeploymentSpec.Selector)), (typeof(V1DeploymentSpec), nameof(V1DeploymentSpec.Template)),
        (typeof(V1StatefulSetSpec), nameof(V1StatefulSetSpec.Selector)), (typeof(V1StatefulSetSpec), nameof(V1StatefulSetSpec.Template)), (typeof(V1StatefulSetSpec), nameof(V1StatefulSetSpec.ServiceName)),
        (typeof(V1JobSpec), nameof(V1JobSpec.Template)), (typeof(V1PodTemplateSpec), nameof(V1PodTemplateSpec.Spec)), (typeof(V1PodSpec), nameof(V1PodSpec.Containers)),
        (typeof(V1Container), nameof(V1Container.Name)), (typeof(V1Container), nameof(V1Container.Image)), (typeof(V1EnvVar), nameof(V1EnvVar.Name)), (typeof(V1ContainerPort), nameof(V1ContainerPort.Name)),
        (typeof(V1HTTPGetAction), nameof(V1HTTPGetAction.Port)), (typeof(V1HTTPGetAction), nameof(V1HTTPGetAction.Path)), (typeof(V1TCPSocketAction), nameof(V1TCPSocketAction.Port)),
        (typeof(V1VolumeMount), nameof(V1VolumeMount.Name)), (typeof(V1VolumeMount), nameof(V1VolumeMount.MountPath)), (typeof(V1Volume), nameof(V1Volume.Name)),
        (typeof(V1PersistentVolumeClaimVolumeSource), nameof(V1PersistentVolumeClaimVolumeSource.ClaimName)), (typeof(V1SecretVolumeSource), nameof(V1SecretVolumeSource.SecretName)),
        (typeof(V1ObjectFieldSelector), nameof(V1ObjectFieldSelector.FieldPath)), (typeof(V1ResourceFieldSelector), nameof(V1ResourceFieldSelector.Resource)), (typeof(V1SecretKeySelector), nameof(V1SecretKeySelector.Key)),
        (typeof(V1TopologySpreadConstraint), nameof(V1TopologySpreadConstraint.TopologyKey)), (typeof(V1TopologySpreadConstraint), nameof(V1TopologySpreadConstraint.WhenUnsatisfiable)), (typeof(V1PodAffinityTerm), nameof(V1PodAffinityTerm.TopologyKey)),
        (typeof(V1PolicyRule), nameof(V1PolicyRule.Verbs)), (typeof(V1RoleBinding), nameof(V1RoleBinding.RoleRef)), (typeof(V1RoleRef), nameof(V1RoleRef.Name)), (typeof(Rbacv1Subject), nameof(Rbacv1Subject.Name)),
        (typeof(V1NetworkPolicySpec), nameof(V1NetworkPolicySpec.PodSelector)), (typeof(V1ServiceSpec), nameof(V1ServiceSpec.Ports)), (typeof(V1PersistentVolumeClaimSpec), nameof(V1PersistentVolumeClaimSpec.AccessModes)),
    };
}
