using System.Globalization;
using System.Text.RegularExpressions;
using Ctwa.Deploy.Tests.Manifests;
using Ctwa.TestKit;
using k8s.Models;
using Xunit;

namespace Ctwa.Deploy.Tests;

/// <summary>What docs/kubernetes.md and the Dockerfile say, against the manifests.</summary>
public sealed partial class DocumentTests
{
    private static string Document { get; } = File.ReadAllText(Path.Combine(Checkout.Root, "docs", "kubernetes.md"));

    private static string Dockerfile { get; } = File.ReadAllText(Path.Combine(Checkout.Root, "Dockerfile"));

    [Fact]
    public void Every_Secret_that_users_make_has_a_command_with_its_keys()
    {
        foreach (var (name, keys) in MountedFolders.DocumentedSecrets)
        {
            var command = Regex.Match(Document, $@"create secret generic {name} (?:\\\n)?[^\n]*(?:\n  [^\n]*)*");
            Assert.True(command.Success, $"docs/kubernetes.md has no command for the Secret {name}");
            Assert.All(keys.Keys, key => Assert.Contains(key, command.Value, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Every_object_that_the_document_names_is_there()
    {
        var set = ManifestSet.Read("overlays/gpu", await Kustomize.RenderAsync("overlays/gpu"));
        string[] names = [.. set.All.Select(ManifestSet.NameOf).Select(name => name.Split(' ')[1])];
        Assert.All(ObjectName().Matches(Document).Select(match => match.Groups[1].Value).Distinct(), name => Assert.Contains(name, names));
        // A port in the table of connections is one of a container.
        var ports = set.Workloads.SelectMany(workload => workload.Containers).SelectMany(container => container.Ports ?? []).Select(port => port.ContainerPort);
        Assert.All(ports, port => Assert.Contains(port.ToString(CultureInfo.InvariantCulture), Document, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_image_and_the_manifests_agree()
    {
        var set = ManifestSet.Read("overlays/cpu", await Kustomize.RenderAsync("overlays/cpu"));
        var silo = set.Workloads.Single(workload => workload.IsSilo);
        Assert.Equal($"{silo.Pod.SecurityContext.RunAsUser}:{silo.Pod.SecurityContext.RunAsGroup}", Instruction("USER"));
        Assert.Equal(silo.Containers.Single().Ports.Select(port => port.ContainerPort).Order(), Instruction("EXPOSE").Split(' ').Select(port => int.Parse(port, CultureInfo.InvariantCulture)).Order());
        Assert.Equal("""["/app/ctwa-silo"]""", Instruction("ENTRYPOINT"));
        // What the example submits is in the image.
        var job = ManifestSet.Read("examples/quickstart", await Kustomize.RenderAsync("examples/quickstart")).Of<V1Job>().Single();
        Assert.Equal(["ctwa", "submit", "/app/examples/quickstart.yaml"], job.Spec.Template.Spec.Containers[0].Command.Take(3));
        Assert.Contains("COPY examples /app/examples", Dockerfile, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Checkout.Root, "examples", "quickstart.yaml")));
    }

    [Fact]
    public void What_the_image_is_made_of_is_there_and_let_into_the_build()
    {
        string[] allowed = [.. File.ReadAllLines(Path.Combine(Checkout.Root, ".dockerignore")).Where(line => line.StartsWith('!')).Select(line => line[1..])];
        var copied = CopyLine().Matches(Dockerfile).SelectMany(match => match.Groups[1].Value.Split(' ')[..^1]).Distinct().ToArray();
        Assert.NotEmpty(copied);
        Assert.All(copied, source =>
        {
            string folder = Path.Combine(Checkout.Root, Path.GetDirectoryName(source) ?? "");
            Assert.NotEmpty(Directory.GetFileSystemEntries(folder, Path.GetFileName(source)));
            Assert.Contains(source.Split('/')[0], allowed);
        });
        Assert.Equal(["**/bin", "**/obj"], File.ReadAllLines(Path.Combine(Checkout.Root, ".dockerignore")).Where(line => line is "**/bin" or "**/obj"));
    }

    [Fact]
    public void Base_images_are_named_with_their_whole_version()
    {
        var images = BaseImage().Matches(Dockerfile).Select(match => match.Groups[1].Value).ToArray();
        Assert.Equal(2, images.Length);
        Assert.All(images, image => Assert.Matches(@":\d+\.\d+\.\d+-", image));
        // Every stage begins with one of the two, or with another stage.
        Assert.All(FromLine().Matches(Dockerfile).Select(match => match.Groups[1].Value), from => Assert.True(from is "${SDK_IMAGE}" or "${RUNTIME_IMAGE}" or "base-${TORCH}", from));
    }

    private static string Instruction(string name) => Regex.Matches(Dockerfile, $@"^{name} (.+)$", RegexOptions.Multiline)[^1].Groups[1].Value;

    [GeneratedRegex(@"(?:deployment|deploy|statefulset|service|Deployment|StatefulSet|Service|Role)[/ ]`?(ctwa-[a-z-]+)")]
    private static partial Regex ObjectName();

    [GeneratedRegex(@"^COPY (?!--from)(.+)$", RegexOptions.Multiline)]
    private static partial Regex CopyLine();

    [GeneratedRegex(@"^ARG (?:SDK|RUNTIME)_IMAGE=(\S+)$", RegexOptions.Multiline)]
    private static partial Regex BaseImage();

    [GeneratedRegex(@"^FROM (\S+)", RegexOptions.Multiline)]
    private static partial Regex FromLine();
}
