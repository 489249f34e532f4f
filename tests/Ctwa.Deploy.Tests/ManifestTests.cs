using Ctwa.Deploy.Tests.Host;
using Ctwa.Deploy.Tests.Manifests;
using Ctwa.Deploy.Tests.Mutations;
using Ctwa.Deploy.Tests.Rules;
using Xunit;

namespace Ctwa.Deploy.Tests;

/// <summary>Everything that <c>deploy/k8s</c> renders, against Kubernetes' types, the rules, and a silo that runs.</summary>
public sealed class ManifestTests(ProbedSilo silo) : IClassFixture<ProbedSilo>
{
    public static TheoryData<string> Folders => new(Kustomize.Folders);

    public static TheoryData<string> Mistakes => new(MutationList.All.Select(mutation => mutation.Mistake));

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task Every_folder_renders_and_keeps_every_rule(string folder) =>
        Assert.Equal([], ManifestRule.Judge(folder, await WholeAsync(folder), silo.Facts).Select(found => $"{found.Rule}: {found.Finding}"));

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task A_seeded_mistake_is_caught_by_its_rule(string mistake)
    {
        var mutation = MutationList.All.Single(one => one.Mistake == mistake);
        var found = ManifestRule.Judge(mutation.Folder, mutation.Apply(await WholeAsync(mutation.Folder)), silo.Facts);
        Assert.True(found.Any(one => one.Rule == mutation.Rule), $"'{mistake}' was not caught by '{mutation.Rule}'. Found was: {(found.Count == 0 ? "nothing" : string.Join("\n", found))}");
    }

    [Fact]
    public void Every_rule_has_a_mistake_that_it_must_catch() =>
        Assert.Equal([], ManifestRule.All.Select(rule => rule.Name).Append(ManifestRule.Strict).Except(MutationList.All.Select(mutation => mutation.Rule)));

    [Fact]
    public async Task Everything_in_the_folder_is_used()
    {
        string[] unused = [.. Directory.GetFiles(Kustomize.Root, "kustomization.yaml", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Kustomize.Root, Path.GetDirectoryName(file)!)).Where(folder => !Kustomize.Folders.Contains(folder)).Order(StringComparer.Ordinal)];
        string texts = string.Join('\n', await Task.WhenAll(Directory.GetFiles(Kustomize.Root, "kustomization.yaml", SearchOption.AllDirectories).Select(file => File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))));
        Assert.All(unused, folder => Assert.Contains(Path.GetFileName(folder), texts, StringComparison.Ordinal));
    }

    /// <summary>An example is judged together with a grid that it is applied to.</summary>
    private static async Task<string> WholeAsync(string folder) => folder.StartsWith("examples/", StringComparison.Ordinal)
        ? await Kustomize.RenderAsync(folder) + "---\n" + await Kustomize.RenderAsync("overlays/cpu")
        : await Kustomize.RenderAsync(folder);
}
