using System.Collections.Concurrent;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.Deploy.Tests.Manifests;

/// <summary>Renders the folders of <c>deploy/k8s</c> as <c>kubectl apply -k</c> does before it sends them.</summary>
internal static class Kustomize
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly ConcurrentDictionary<string, Task<string>> s_rendered = new(StringComparer.Ordinal);

    /// <summary>Everything that somebody may apply.</summary>
    public static IReadOnlyList<string> Folders { get; } = ["overlays/cpu", "overlays/gpu", "overlays/dev", "overlays/full", "examples/quickstart"];

    /// <summary><c>deploy/k8s</c> of this checkout.</summary>
    public static string Root { get; } = Path.Combine(Checkout.Root, "deploy", "k8s");

    /// <summary>The manifests of a folder below it, as YAML. Skips the test, with the reason, where neither kubectl nor kustomize is installed.</summary>
    public static Task<string> RenderAsync(string folder)
    {
        Assert.SkipWhen(Command is null, "neither kubectl nor kustomize is on the PATH; install one of them.");
        return s_rendered.GetOrAdd(folder, RunAsync);
    }

    /// <summary>Program and first arguments; null: not installed.</summary>
    public static IReadOnlyList<string>? Command { get; } = Programs.Find("kubectl") is { } kubectl ? [kubectl, "kustomize"] : Programs.Find("kustomize") is { } kustomize ? [kustomize, "build"] : null;

    private static async Task<string> RunAsync(string folder)
    {
        var (code, output) = await Programs.RunAsync(s_patience, Root, [.. Command!, folder]);
        return code == 0 ? output : throw new InvalidOperationException($"kustomize cannot render {folder} (exit code {code}): {output}");
    }
}
