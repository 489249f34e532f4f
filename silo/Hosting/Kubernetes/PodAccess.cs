using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Ctwa.Grains.Abstractions;
using Ctwa.Silo.Hosting.Options;
using k8s;
using k8s.Autorest;
using k8s.Exceptions;
using Orleans.Hosting.Kubernetes;

namespace Ctwa.Silo.Hosting.Kubernetes;

/// <summary>
/// Makes sure, before Orleans starts, that it will be let see the grid's pods. Its own agent asks again without a pause when it is
/// refused, and changes the labels of a pod that lacks them, which a silo should not be allowed to do.
/// </summary>
internal sealed class PodAccess(PodPlace pod, string clusterId, Func<KubernetesClientConfiguration> configuration)
{
    private static readonly TimeSpan s_firstAnswer = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    /// <summary>Waits until the API answers.</summary>
    /// <exception cref="SiloFailure">It does not, or it refuses, or the pod's labels are not this grid's.</exception>
    public async Task RequireAsync(CancellationToken cancellationToken)
    {
        using var client = Connect();
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(s_firstAnswer);
            try
            {
                var self = await client.CoreV1.ReadNamespacedPodAsync(pod.Name, pod.Namespace, cancellationToken: patience.Token);
                foreach (var (label, expected) in Labels)
                {
                    if (self.Metadata.Labels?.TryGetValue(label, out string? given) == true && given == expected) { continue; }
                    throw Failure($"the pod {pod.Name} lacks the label {label}: {expected}. Set it in the pods' template; the other silos find this one's pod by it.");
                }

                await client.CoreV1.ListNamespacedPodAsync(pod.Namespace, labelSelector: string.Join(',', Labels.Select(label => $"{label.Key}={label.Value}")), limit: 1, cancellationToken: patience.Token);
                return;
            }
            catch (HttpOperationException refused) when (refused.Response is { StatusCode: >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError and not HttpStatusCode.TooManyRequests } answer)
            {
                throw Failure($"the Kubernetes API refused (HTTP {(int)answer.StatusCode}): {Reason(answer.Content)} The service account of the pod must be allowed to get, list and watch pods in the namespace {pod.Namespace}.", refused);
            }
            catch (Exception away) when (away is HttpOperationException or HttpRequestException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                if (Stopwatch.GetElapsedTime(start) >= s_firstAnswer) { throw Failure($"the Kubernetes API at {client.BaseUri} does not answer: {away.Message} Check that a NetworkPolicy lets the silo reach it.", away); }
                await Task.Delay(s_pause, cancellationToken);
            }
        }
    }

    private Dictionary<string, string> Labels => new(StringComparer.Ordinal) { [KubernetesHostingOptions.ServiceIdLabel] = GridIdentity.ServiceId, [KubernetesHostingOptions.ClusterIdLabel] = clusterId };

    private k8s.Kubernetes Connect()
    {
        try { return new k8s.Kubernetes(configuration()); }
        catch (Exception wrong) when (wrong is KubeConfigException or KubernetesClientException or IOException) { throw Failure($"there is no access to the Kubernetes API: {wrong.Message}", wrong); }
    }

    private static SiloFailure Failure(string message, Exception? cause = null) => new(SiloExitCodes.KubernetesRefused, "--kubernetes: " + message, cause);

    /// <summary>The message of a Status object; a proxy may have answered something else.</summary>
    private static string Reason(string? content)
    {
        const int longest = 300;
        string text = "";
        try
        {
            using var document = JsonDocument.Parse(content ?? "", new JsonDocumentOptions { MaxDepth = 16 });
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("message", out var message) && message.ValueKind == JsonValueKind.String) { text = message.GetString()!; }
        }
        catch (JsonException)
        {
            // No JSON, no reason.
        }

        text = new string([.. text.Take(longest).Where(c => !char.IsControl(c))]).TrimEnd('.');
        return text.Length == 0 ? "without a reason." : text + ".";
    }
}
