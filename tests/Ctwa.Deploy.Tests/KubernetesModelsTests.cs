using Ctwa.Deploy.Tests.Manifests;
using Ctwa.Deploy.Tests.Mutations;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.Deploy.Tests;

/// <summary>A second opinion on fields and words, by npm's kubernetes-models. Opt-in: it downloads 30 MB.</summary>
public sealed class KubernetesModelsTests
{
    private const string Variable = "CTWA_KUBERNETES_MODELS";

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task Kubernetes_own_schema_has_nothing_to_say_and_sees_a_wrong_word()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable(Variable) is "1", $"set {Variable}=1 to check with npm's kubernetes-models.");
        Assert.SkipWhen(Programs.Find("npm") is null || Programs.Find("node") is null, "npm and node are not on the PATH.");
        string folder = Directory.CreateTempSubdirectory("ctwa-models-").FullName;
        try
        {
            File.Copy(Path.Combine(Checkout.Root, "tests", "Ctwa.Deploy.Tests", "Manifests", "models.mjs"), Path.Combine(folder, "models.mjs"));
            var (installed, log) = await Programs.RunAsync(s_patience, folder, "npm", "install", "--no-audit", "--no-fund", "kubernetes-models@5.1.0", "js-yaml@4");
            Assert.True(installed == 0, log);
            foreach (string name in Kustomize.Folders)
            {
                await File.WriteAllTextAsync(Path.Combine(folder, "whole.yaml"), await Kustomize.RenderAsync(name), TestContext.Current.CancellationToken);
                var (code, output) = await Programs.RunAsync(s_patience, folder, "node", "models.mjs", "whole.yaml");
                Assert.True(code == 0, $"{name}: {output}");
                Assert.DoesNotMatch("^0 judged", output);
            }

            foreach (var mutation in MutationList.All.Where(mutation => mutation.Mistake is "a taint's effect is misspelt" or "a selector is missing"))
            {
                await File.WriteAllTextAsync(Path.Combine(folder, "wrong.yaml"), mutation.Apply(await Kustomize.RenderAsync(mutation.Folder)), TestContext.Current.CancellationToken);
                Assert.Equal(1, (await Programs.RunAsync(s_patience, folder, "node", "models.mjs", "wrong.yaml")).ExitCode);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
