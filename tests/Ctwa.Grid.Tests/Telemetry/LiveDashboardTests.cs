using System.Diagnostics;
using Ctwa.TestKit.Telemetry;
using Xunit;

namespace Ctwa.Grid.Tests.Telemetry;

/// <summary>Every query of every panel against a real Prometheus that scrapes a real grid while a job runs on it.</summary>
public sealed class LiveDashboardTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-dashboards-").FullName;

    [Fact]
    public async Task Every_panel_shows_data_and_one_with_a_misspelt_metric_is_found_out()
    {
        string library = await FakeNvml.BuildAsync(Path.Combine(_folder, "lib"));
        await using var grid = await LiveGrid.StartAsync(_folder, Path.GetDirectoryName(library));
        var (client, run) = await grid.SubmitAsync(_folder);
        await using (client)
        {
            await LiveGrid.GoOnAsync(run, 8, client);
            PanelQuery[] queries = [.. Dashboard.All.SelectMany(dashboard => dashboard.Queries(grid.Silos.ClusterId))];
            Assert.True(queries.Length > 70, $"there are only {queries.Length} queries");

            // What is seeded must be the one that stays without data, whatever else is late.
            var seeded = new PanelQuery("seeded", "misspelt", queries.First(query => query.Text.Contains("ctwa_job_steps_total", StringComparison.Ordinal)).Text.Replace("ctwa_job_steps_total", "ctwa_job_step_total", StringComparison.Ordinal));
            var broken = seeded with { Panel = "broken", Text = queries[0].Text + ")" };
            var empty = await EmptyAsync(grid.Prometheus, [.. queries, seeded, broken], LiveGrid.Patience, expected: 2);
            foreach (var (query, why) in empty) { output.WriteLine($"{query}: {why}"); }
            Assert.Equal([seeded, broken], empty.Select(one => one.Query));
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Queries without data, once no more than expected are left or the patience has ended; with what is the matter.</summary>
    private static async Task<List<(PanelQuery Query, string Why)>> EmptyAsync(PrometheusServer prometheus, IReadOnlyList<PanelQuery> queries, TimeSpan patience, int expected)
    {
        var clock = Stopwatch.StartNew();
        var left = queries.ToList();
        while (true)
        {
            var empty = new List<(PanelQuery, string)>();
            foreach (var query in left)
            {
                if (await WhyEmptyAsync(prometheus, query) is { } why) { empty.Add((query, why)); }
            }

            left = [.. empty.Select(one => one.Item1)];
            if (left.Count <= expected || clock.Elapsed > patience) { return empty; }
            await Task.Delay(1000);
        }
    }

    private static async Task<string?> WhyEmptyAsync(PrometheusServer prometheus, PanelQuery query)
    {
        try
        {
            var answer = await prometheus.QueryAsync(query.Text);
            return answer.Count == 0 ? "no series" : answer.Any(series => double.IsFinite(series.Value)) ? null : "no number: " + string.Join(", ", answer);
        }
        catch (InvalidDataException wrong)
        {
            return wrong.Message;
        }
    }
}
