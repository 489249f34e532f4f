using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.Deploy.Tests.Api;

/// <summary>The real <c>kubectl</c> against a server of the test's own.</summary>
internal static class Kubectl
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    /// <summary>Applies manifests as an administrator; skips the test, with the reason, where there is no kubectl.</summary>
    /// <returns>What it printed.</returns>
    public static async Task<string> ApplyAsync(FakeKubernetesApi api, string manifests)
    {
        Assert.SkipWhen(Programs.Find("kubectl") is null, "kubectl is not on the PATH; install it.");
        string folder = Directory.CreateTempSubdirectory("ctwa-kubectl-").FullName;
        try
        {
            string config = Path.Combine(folder, "config"), file = Path.Combine(folder, "manifests.yaml");
            await File.WriteAllTextAsync(config, api.KubeConfig(FakeKubernetesApi.AdminToken));
            await File.WriteAllTextAsync(file, manifests);
            // The schema for its own validation is the one thing that this server does not have.
            var (code, output) = await Programs.RunAsync(s_patience, folder, "env", "HOME=" + folder, Programs.Find("kubectl")!, "--kubeconfig", config, "apply", "--validate=false", "-f", file);
            return code == 0 ? output : throw new InvalidOperationException($"kubectl apply failed with {code}: {output}\n{string.Join('\n', api.Requests.TakeLast(20))}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
