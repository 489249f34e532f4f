using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Grid.Tests.Telemetry;

/// <summary>What Grafana needs of a dashboard, and we of ours; whether their queries find anything is <see cref="LiveDashboardTests"/>'.</summary>
public sealed partial class DashboardTests
{
    private static readonly string[] s_units = ["none", "short", "percentunit", "s", "bytes", "Bps", "ops", "watt", "celsius"];

    public static TheoryData<string> Names => [.. Dashboard.All.Select(dashboard => dashboard.Name)];

    private static Dashboard Of(string name) => Dashboard.All.Single(dashboard => dashboard.Name == name);

    [Fact]
    public void There_are_four() => Assert.Equal(["faults", "grid", "job", "objectives"], Dashboard.All.Select(dashboard => dashboard.Name));

    [Theory, MemberData(nameof(Names))]
    public void The_head_is_what_grafana_10_and_11_read(string name)
    {
        var json = Of(name).Json;
        Assert.Equal("ctwa-" + name, (string)json["uid"]!);
        Assert.InRange((int)json["schemaVersion"]!, 38, 41);
        Assert.False(json.ContainsKey("id"), "a dashboard as code has no id: Grafana gives it one");
        Assert.NotEmpty((string)json["description"]!);
        Assert.Contains("ctwa", json["tags"]!.AsArray().Select(tag => (string)tag!));
        var variables = json["templating"]!["list"]!.AsArray().Select(variable => variable!.AsObject()).ToArray();
        Assert.Equal(name == "grid" ? ["datasource", "grid"] : ["datasource", "grid", "job"], variables.Select(variable => (string)variable["name"]!));
        Assert.Equal(("datasource", "prometheus"), ((string)variables[0]["type"]!, (string)variables[0]["query"]!));
        Assert.All(variables[1..], variable => Assert.StartsWith("label_values(", (string)variable["definition"]!, StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_panel_says_what_it_shows_and_in_which_unit(string name)
    {
        var panels = Of(name).Json["panels"]!.AsArray().Select(panel => panel!.AsObject()).ToArray();
        Assert.Equal(panels.Length, panels.Select(panel => (int)panel["id"]!).Distinct().Count());
        Assert.Equal(panels.Length, panels.Select(panel => (string)panel["title"]!).Distinct().Count());
        foreach (var panel in panels.Where(panel => (string)panel["type"]! != "row"))
        {
            string title = (string)panel["title"]!;
            Assert.Contains((string)panel["type"]!, (string[])["timeseries", "stat", "bargauge"]);
            Assert.True(((string?)panel["description"])?.Length > 10, $"{title} has no description");
            Assert.Contains((string?)panel["fieldConfig"]!["defaults"]!["unit"], s_units);
            Assert.NotEmpty(panel["targets"]!.AsArray());
            foreach (var target in panel["targets"]!.AsArray())
            {
                Assert.Contains("ctwa_grid=\"$grid\"", (string)target!["expr"]!, StringComparison.Ordinal);
                Assert.NotEmpty((string)target["legendFormat"]!);
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Panels_lie_beside_each_other(string name)
    {
        var taken = new HashSet<(int X, int Y)>();
        foreach (var panel in Of(name).Json["panels"]!.AsArray())
        {
            var place = panel!["gridPos"]!;
            int x = (int)place["x"]!, y = (int)place["y"]!, w = (int)place["w"]!, h = (int)place["h"]!;
            Assert.True(x >= 0 && x + w <= 24, $"{panel["title"]} is wider than the page");
            for (int i = x; i < x + w; i++)
            {
                for (int j = y; j < y + h; j++) { Assert.True(taken.Add((i, j)), $"{panel["title"]} lies on another panel"); }
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void No_data_source_is_named(string name)
    {
        var sources = Uids(Of(name).Json).Distinct().ToArray();
        Assert.Equal(["${datasource}", "-- Grafana --"], sources.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_metric_of_a_dashboard_or_an_alert_is_documented()
    {
        string document = File.ReadAllText(Path.Combine(Checkout.Root, "docs", "observability.md"));
        string rules = File.ReadAllText(Path.Combine(AlertRuleTests.Folder, "ctwa.rules.yaml"));
        string[] used = [.. Metric().Matches(rules + string.Join('\n', Dashboard.All.SelectMany(dashboard => dashboard.Queries("g")).Select(query => query.Text))).Select(match => match.Value).Distinct().Order(StringComparer.Ordinal)];
        Assert.True(used.Length > 40, $"only {used.Length} metrics are used");
        Assert.All(used, metric => Assert.Contains($"`{Base().Replace(metric, "")}`", document, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Uids(JsonNode? node) => node switch
    {
        JsonObject map => map.SelectMany(one => one.Key == "datasource" && one.Value is JsonObject source ? [(string)source["uid"]!] : Uids(one.Value)),
        JsonArray list => list.SelectMany(Uids),
        _ => [],
    };

    // Metrics, not labels: those of ours that begin like one are ctwa_grid, ctwa_job, ctwa_kind, ctwa_objective, ctwa_phase, ctwa_stage, ctwa_job_state, ctwa_silo_status.
    [GeneratedRegex(@"\b(?:ctwa|hw|dotnet|orleans)_[a-z_]+(?=[{\[])")]
    private static partial Regex Metric();

    [GeneratedRegex("_(bucket|count|sum)$")]
    private static partial Regex Base();
}
