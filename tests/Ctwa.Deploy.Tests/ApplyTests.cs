using Ctwa.Deploy.Tests.Api;
using Ctwa.Deploy.Tests.Manifests;
using Xunit;

namespace Ctwa.Deploy.Tests;

/// <summary>What <c>kubectl apply</c> makes of everything that is rendered.</summary>
public sealed class ApplyTests
{
    public static TheoryData<string> Folders => new(Kustomize.Folders);

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task Everything_is_created_and_applied_again_nothing_changes(string folder)
    {
        string rendered = await Kustomize.RenderAsync(folder);
        await using var api = await FakeKubernetesApi.StartAsync();
        string[] first = Lines(await Kubectl.ApplyAsync(api, rendered));
        int count = rendered.Split("\n---\n").Length;
        Assert.Equal((count, count), (first.Length, first.Count(line => line.EndsWith(" created", StringComparison.Ordinal))));
        Assert.Equal(count, api.Objects.Count);
        string[] second = Lines(await Kubectl.ApplyAsync(api, rendered));
        Assert.Equal(count, second.Length);
        Assert.All(second, line => Assert.True(IsUnchanged(line), line));
    }

    [Fact]
    public async Task A_changed_image_changes_the_silos_and_nothing_else()
    {
        string rendered = await Kustomize.RenderAsync("overlays/gpu");
        await using var api = await FakeKubernetesApi.StartAsync();
        await Kubectl.ApplyAsync(api, rendered);
        string[] changed = [.. Lines(await Kubectl.ApplyAsync(api, rendered.Replace(":0.1.0-cuda", ":0.1.1-cuda", StringComparison.Ordinal))).Where(line => !IsUnchanged(line))];
        Assert.Equal(["deployment.apps/ctwa-silo configured"], changed);
    }

    // kubectl sends the whole of a PodDisruptionBudget each time and says "configured", changed or not.
    private static bool IsUnchanged(string line) => line.EndsWith(" unchanged", StringComparison.Ordinal) || (line.StartsWith("poddisruptionbudget.policy/", StringComparison.Ordinal) && line.EndsWith(" configured", StringComparison.Ordinal));

    private static string[] Lines(string output) => [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line.Contains('/', StringComparison.Ordinal))];
}
