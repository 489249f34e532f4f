using Ctwa.Deploy.Tests.Manifests;
using k8s.Models;
using Xunit;

namespace Ctwa.Deploy.Tests;

/// <summary>Dashboards and alert rules arrive in the cluster as they were tested.</summary>
public sealed class MonitoringTests
{
    [Fact]
    public async Task Every_dashboard_is_a_ConfigMap_that_Grafana_loads()
    {
        var maps = ManifestSet.Read("overlays/full", await Kustomize.RenderAsync("overlays/full")).Of<V1ConfigMap>().Where(map => map.Metadata.Labels?.TryGetValue("grafana_dashboard", out string? value) == true && value == "1").ToArray();
        var texts = maps.SelectMany(map => map.Data).ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);
        string[] files = Directory.GetFiles(Path.Combine(Kustomize.Root, "base", "dashboards"), "*.json");
        Assert.Equal(files.Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal), texts.Keys.Order(StringComparer.Ordinal));
        Assert.All(files, file => Assert.Equal(File.ReadAllText(file), texts[Path.GetFileName(file)]));
        // kubectl apply keeps a copy of each object in an annotation of at most 256 KB.
        Assert.All(texts.Values, text => Assert.InRange(text.Length, 1, 200_000));
    }

    [Fact]
    public void The_operators_rules_are_the_rules_that_promtool_tests()
    {
        string rules = File.ReadAllText(Path.Combine(Kustomize.Root, "base", "alerts", "ctwa.rules.yaml")), path = Path.Combine(Kustomize.Root, "components", "monitoring", "prometheus-rule.yaml"), text = File.ReadAllText(path);
        const string spec = "\nspec:\n";
        string expected = text[..(text.IndexOf(spec, StringComparison.Ordinal) + spec.Length)] + string.Concat(rules[rules.IndexOf("groups:", StringComparison.Ordinal)..].TrimEnd('\n').Split('\n').Select(line => (line.Trim().Length == 0 ? line : "  " + line) + "\n"));
        if (Environment.GetEnvironmentVariable("CTWA_UPDATE_DOCS") is "1") { File.WriteAllText(path, expected); }
        else { Assert.Equal(expected, text); }
    }
}
