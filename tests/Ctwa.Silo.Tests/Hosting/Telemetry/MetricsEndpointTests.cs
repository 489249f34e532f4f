using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Ctwa.Silo.Tests.Hosting.Grid;
using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Telemetry;

/// <summary><c>/metrics</c> of a real silo without jobs.</summary>
public sealed partial class MetricsEndpointTests
{
    private static async Task<(HttpStatusCode Status, string Type, string Text)> AskAsync(SiloUnderTest silo)
    {
        string port = (await silo.ReadyAsync())["health"];
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{port}/metrics"), TestContext.Current.CancellationToken);
        return (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType ?? "", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task It_is_prometheus_text_with_the_grids_name_on_every_series()
    {
        await using var silo = SiloUnderTest.Start(null, "--clustering", "localhost", "--cluster-id", "x-1", "--health-port", "0");
        var (status, type, text) = await AskAsync(silo);
        Assert.Equal((HttpStatusCode.OK, "text/plain"), (status, type));
        string[] series = [.. text.Split('\n').Where(line => line.Length > 0 && line[0] != '#')];
        Assert.All(series.Where(line => !line.StartsWith("target_info", StringComparison.Ordinal)), line => Assert.Contains("ctwa_grid=\"x-1\"", line, StringComparison.Ordinal));
        Assert.Contains("service_name=\"ctwa-silo\"", series.Single(line => line.StartsWith("target_info", StringComparison.Ordinal)), StringComparison.Ordinal);
        foreach (string expected in (string[])["ctwa_silo_draining", "ctwa_silo_lanes_busy", "ctwa_fence_refused_total", "dotnet_process_memory_working_set_bytes", "orleans_"])
        {
            Assert.Contains(series, line => line.StartsWith(expected, StringComparison.Ordinal));
        }

        Assert.DoesNotContain(series, line => line.StartsWith("hw_", StringComparison.Ordinal) || line.StartsWith("ctwa_job_", StringComparison.Ordinal));
        Assert.DoesNotMatch(OtelScope(), text);
        if (Programs.Find("promtool") is not null)
        {
            // Ours are lint-clean; Orleans' are not.
            string file = Path.GetTempFileName();
            try
            {
                await File.WriteAllLinesAsync(file, text.Split('\n').Where(line => Ours().IsMatch(line)), TestContext.Current.CancellationToken);
                var (code, output) = await Programs.RunAsync(TimeSpan.FromSeconds(30), "/", "sh", "-c", "promtool check metrics < " + file);
                Assert.True(code == 0, output);
            }
            finally
            {
                File.Delete(file);
            }
        }
    }

    [Fact]
    public async Task It_is_not_there_where_it_is_off_and_probes_are()
    {
        await using var silo = SiloUnderTest.Start(null, "--clustering", "localhost", "--cluster-id", "x", "--health-port", "0", "--metrics", "off");
        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(silo)).Status);
        var (status, body) = await silo.GetAsync("/healthz");
        Assert.Equal((HttpStatusCode.OK, "ok"), (status, HealthStatus().Match(body).Groups[1].Value));
    }

    [Fact]
    public async Task A_collector_that_is_not_there_keeps_no_silo_from_starting_or_ending()
    {
        int nobody = FreePorts.Find(1)[0];
        await using var silo = SiloUnderTest.Start(null, "--clustering", "localhost", "--cluster-id", "x", "--otlp-endpoint", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{nobody}"), "--trace-ratio", "1");
        await silo.ReadyAsync();
        silo.Send(Ctwa.TestKit.Processes.UnixSignal.Terminate);
        Assert.Equal(0, await silo.EndAsync());
    }

    [GeneratedRegex("^(# (HELP|TYPE|UNIT) )?ctwa_")]
    private static partial Regex Ours();

    [GeneratedRegex("otel_scope_")]
    private static partial Regex OtelScope();

    [GeneratedRegex("\"status\":\"(\\w+)\"")]
    private static partial Regex HealthStatus();
}
