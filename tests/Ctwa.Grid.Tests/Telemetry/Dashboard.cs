using System.Text.Json.Nodes;
using Ctwa.TestKit;

namespace Ctwa.Grid.Tests.Telemetry;

/// <summary>A Grafana dashboard of deploy/k8s/base/dashboards.</summary>
/// <param name="Name">File without its ending.</param>
/// <param name="Json">Content.</param>
internal sealed record Dashboard(string Name, JsonObject Json)
{
    /// <summary>Folder of the dashboards.</summary>
    public static string Folder { get; } = Path.Combine(Checkout.Root, "deploy", "k8s", "base", "dashboards");

    public static IReadOnlyList<Dashboard> All { get; } =
        [.. Directory.GetFiles(Folder, "*.json").Order(StringComparer.Ordinal).Select(file => new Dashboard(Path.GetFileNameWithoutExtension(file), JsonNode.Parse(File.ReadAllText(file))!.AsObject()))];

    /// <summary>Panels without rows.</summary>
    public IEnumerable<JsonObject> Panels => Json["panels"]!.AsArray().Select(panel => panel!.AsObject()).Where(panel => (string)panel["type"]! != "row");

    /// <summary>All queries, as Grafana would send them.</summary>
    /// <param name="grid">Value of the variable of that name.</param>
    public IEnumerable<PanelQuery> Queries(string grid) =>
        from panel in Panels
        from target in panel["targets"]!.AsArray()
        select new PanelQuery(Name, (string)panel["title"]!, ((string)target!["expr"]!)
            .Replace("$__rate_interval", "10s", StringComparison.Ordinal).Replace("$grid", grid, StringComparison.Ordinal).Replace("$job", ".+", StringComparison.Ordinal));

    public override string ToString() => Name;
}

/// <summary>One query of one panel.</summary>
internal sealed record PanelQuery(string Dashboard, string Panel, string Text)
{
    public override string ToString() => $"{Dashboard} / {Panel}: {Text}";
}
