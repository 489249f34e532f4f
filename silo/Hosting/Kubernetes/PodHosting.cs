using Ctwa.Silo.Hosting.Options;
using k8s;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;

namespace Ctwa.Silo.Hosting.Kubernetes;

/// <summary>
/// Adds Orleans' hosting on Kubernetes: a silo bears its pod's name; when it starts, and by watching while it runs, members
/// whose pods are gone are declared dead. It only shortens what probes of membership find out as well: docs/decisions/0010.
/// </summary>
internal static class PodHosting
{
    public static ISiloBuilder UsePods(this ISiloBuilder silo, PodPlace pod, string clusterId)
    {
        silo.Services.AddSingleton(new PodAccess(pod, clusterId, KubernetesClientConfiguration.BuildDefaultConfig));
        // The service account of the pod; where KUBECONFIG is set, what it says.
        return silo.UseKubernetesHosting(hosting => hosting.Configure(options => options.GetClientConfiguration = KubernetesClientConfiguration.BuildDefaultConfig));
    }
}
