using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.TestKit.Telemetry;

/// <summary>A real Prometheus on loopback that scrapes every second. It ends with this object.</summary>
public sealed class PrometheusServer : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly GridProcess _process;
    private readonly HttpClient _http;

    private PrometheusServer(GridProcess process, int port)
    {
        _process = process;
        _http = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")) };
    }

    /// <summary>Starts one; skips the running test where it is not installed.</summary>
    /// <param name="folder">A folder of its own.</param>
    /// <param name="targets">Ports of loopback with <c>/metrics</c>.</param>
    public static async Task<PrometheusServer> StartAsync(string folder, params IReadOnlyList<int> targets)
    {
        Assert.SkipWhen(Programs.Find("prometheus") is null, "prometheus is not installed (Debian: apt-get install --no-install-recommends prometheus).");
        Directory.CreateDirectory(folder);
        string config = Path.Combine(folder, "prometheus.yml");
        await File.WriteAllTextAsync(config, $$"""
            global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
            scrape_configs:
              - job_name: ctwa
                static_configs: [ { targets: [ {{string.Join(", ", targets.Select(port => string.Create(CultureInfo.InvariantCulture, $"'127.0.0.1:{port}'")))}} ] } ]
            """);
        int own = FreePorts.Find(1)[0];
        string[] command = [Programs.Find("prometheus")!, "--config.file=" + config, "--storage.tsdb.path=" + Path.Combine(folder, "data"), string.Create(CultureInfo.InvariantCulture, $"--web.listen-address=127.0.0.1:{own}"), "--log.level=warn"];
        var server = new PrometheusServer(await GridProcess.StartAsync("prometheus", command, Path.Combine(folder, "prometheus.log"), folder), own);
        try
        {
            var clock = Stopwatch.StartNew();
            while (!await server.IsReadyAsync())
            {
                if (!server._process.IsRunning || clock.Elapsed > s_patience) { throw new InvalidOperationException($"prometheus does not get ready:\n{server._process.ReadLog()}"); }
                await Task.Delay(100);
            }

            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks a query, at this moment.</summary>
    /// <returns>Labels and value of each series.</returns>
    /// <exception cref="InvalidDataException">Prometheus does not understand it.</exception>
    public async Task<IReadOnlyList<PrometheusSample>> QueryAsync(string query)
    {
        using var body = new FormUrlEncodedContent([new("query", query)]);
        using var response = await _http.PostAsync("/api/v1/query", body);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        if ((string?)answer["status"] != "success") { throw new InvalidDataException($"{query}: {answer["error"]}"); }
        return (string?)answer["data"]!["resultType"] == "scalar"
            ? [new PrometheusSample(new Dictionary<string, string>(), Number(answer["data"]!["result"]![1]!))]
            : [.. answer["data"]!["result"]!.AsArray().Select(series => new PrometheusSample(series!["metric"]!.AsObject().ToDictionary(label => label.Key, label => (string)label.Value!), Number(series["value"]![1]!)))];
    }

    /// <summary>Asks until the answer is as it should be.</summary>
    /// <exception cref="TimeoutException">It never was.</exception>
    public async Task<IReadOnlyList<PrometheusSample>> WaitAsync(string query, Func<IReadOnlyList<PrometheusSample>, bool> isRight, TimeSpan patience)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var answer = await QueryAsync(query);
            if (isRight(answer)) { return answer; }
            if (clock.Elapsed > patience) { throw new TimeoutException($"after {patience.TotalSeconds:0} s, {query} is still {(answer.Count == 0 ? "empty" : string.Join(", ", answer))}."); }
            await Task.Delay(250);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _process.DisposeAsync();
    }

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var response = await _http.GetAsync("/-/ready");
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static double Number(JsonNode text) => (string)text! switch
    {
        "NaN" => double.NaN,
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        var number => double.Parse(number, CultureInfo.InvariantCulture),
    };
}

/// <summary>A series' value at a moment.</summary>
public sealed record PrometheusSample(IReadOnlyDictionary<string, string> Labels, double Value)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{{{string.Join(", ", Labels.Select(label => $"{label.Key}={label.Value}"))}}} {Value}");
}
