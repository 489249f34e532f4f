using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ctwa.Grid.Tests.Chaos;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Ctwa.TestKit.Web;
using Xunit;

namespace Ctwa.Grid.Tests.Web;

/// <summary>Status page and dashboard of real silos, around a real job.</summary>
public sealed partial class StatusTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-web-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pages_are_for_those_who_may_see_them_and_show_what_the_run_wrote_and_cost_no_bit()
    {
        await using var redis = await RedisRequired.StartAsync();
        string job = ExactnessJobs.Interrupted.WriteTo(_folder);
        var expected = await UndisturbedAsync(job);
        var settings = new GridSettings { SiloOptions = ["--tokens", WebGrid.WriteTokens(_folder), "--dashboard"], ClientToken = WebGrid.Submitter };
        await using var grid = await LocalGrid.StartAsync(Path.Combine(_folder, "grid"), redis, 2, settings);
        using var web = new WebGrid(grid);
        await RequireAccessAsync(web);

        var run = new RunFolder(Path.Combine(_folder, "run"));
        await using var client = await grid.SubmitAsync(job, run.FullPath);
        // Watched all the time by many, status page and dashboard alike.
        bool sawMembers = false;
        while (client.IsRunning)
        {
            var seen = await Task.WhenAll(Enumerable.Range(0, 8).Select(one => web.StatusAsync(WebGrid.Reader, one % 2)));
            Assert.Equal(HttpStatusCode.OK, (await web.AskAsync("/dashboard/DashboardCounters", WebGrid.Admin)).Status);
            sawMembers |= seen.Any(status => status.GetProperty("jobs").EnumerateArray().Any(one => one.GetProperty("activity") is { ValueKind: JsonValueKind.Object } activity && activity.GetProperty("members").GetArrayLength() == 2));
            await Task.Delay(200, Token);
        }

        Assert.Equal(0, await client.WaitAsync(s_patience));
        Assert.True(sawMembers, "the status never said that two silos compute for the job.");
        LongJob.Equal(expected, run);
        await RequireNumbersAsync(web, run);

        // Nothing that the dashboard or the status page does is refused by the grid, and no token is in a log.
        foreach (var silo in grid.Silos)
        {
            string log = silo.Process.ReadLog();
            Assert.DoesNotContain("refused a call", log, StringComparison.Ordinal);
            Assert.DoesNotContain("token-of-the", log, StringComparison.Ordinal);
            Assert.DoesNotContain("the status page could not look", log, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_tokens_the_pages_are_for_this_machine()
    {
        await using var redis = await RedisRequired.StartAsync();
        await using var grid = await LocalGrid.StartAsync(Path.Combine(_folder, "grid"), redis, 1);
        using var web = new WebGrid(grid);
        Assert.Equal(HttpStatusCode.OK, (await web.AskAsync("/status")).Status);
        Assert.Equal(HttpStatusCode.OK, (await web.AskAsync("/status", host: "localhost:1234")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await web.AskAsync("/status", host: "rebound.example")).Status);
        Assert.Equal(HttpStatusCode.OK, (await web.AskAsync("/healthz", host: "rebound.example")).Status);
        var (status, text, _) = await web.AskAsync("/dashboard");
        Assert.Equal((HttpStatusCode.NotFound, "the Orleans dashboard is not served; start every silo of the grid with --dashboard.\n"), (status, text));
        Assert.Contains("No job runs.", (await web.AskAsync("/status")).Body, StringComparison.Ordinal);

        // On an address of others' networks it refuses.
        await using var open = await LocalGrid.StartAsync(Path.Combine(_folder, "open"), redis, 1, new GridSettings { SiloOptions = ["--bind", "0.0.0.0"] });
        using var openWeb = new WebGrid(open);
        var (refused, why, _) = await openWeb.AskAsync("/status");
        Assert.Equal(HttpStatusCode.Forbidden, refused);
        Assert.Contains("this silo listens on 0.0.0.0 and has no file of tokens", why, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await openWeb.AskAsync("/readyz")).Status);
    }

    // What the page shows changes by itself, and the browser has nothing to say about it: no error, nothing that its policy blocks.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_page_in_a_browser_follows_a_job(bool withTokens)
    {
        await using var redis = await RedisRequired.StartAsync();
        var settings = withTokens ? new GridSettings { SiloOptions = ["--tokens", WebGrid.WriteTokens(_folder)], ClientToken = WebGrid.Submitter } : new GridSettings();
        await using var grid = await LocalGrid.StartAsync(Path.Combine(_folder, "grid"), redis, 1, settings);
        using var web = new WebGrid(grid);
        var address = web.Of("/status");
        await using var page = await Chromium.OpenAsync(withTokens ? new Uri($"http://me:{WebGrid.Reader}@{address.Authority}/status") : address, "document.getElementById('pause') !== null && !document.getElementById('pause').hidden");
        Assert.Contains("No job runs.", await page.TextAsync("document.body.textContent"), StringComparison.Ordinal);

        await using var client = await grid.SubmitAsync(ExactnessJobs.Interrupted.WriteTo(_folder), Path.Combine(_folder, "run"));
        await page.UntilAsync("document.body.textContent.includes('running')");
        Assert.Equal(0, await client.WaitAsync(s_patience));
        await page.UntilAsync("document.body.textContent.includes('succeeded')");
        Assert.Equal("Resume updates", await page.TextAsync("document.getElementById('pause').click(), document.getElementById('pause').textContent"));
        Assert.Equal("", await page.TextAsync("document.getElementById('live').textContent"));
        Assert.Empty(page.Console);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<RunFolder> UndisturbedAsync(string job)
    {
        string run = Path.Combine(_folder, "undisturbed");
        var result = await CtwaProcess.RunAsync(_folder, ["train", job, "--output", run]);
        Assert.True(result.ExitCode == 0, result.ToString());
        return new RunFolder(run);
    }

    private static async Task RequireAccessAsync(WebGrid web)
    {
        (string Path, string? Token, HttpStatusCode Status)[] matrix =
        [
            ("/healthz", null, HttpStatusCode.OK), ("/readyz", null, HttpStatusCode.OK), ("/readyz", "wrong", HttpStatusCode.OK),
            ("/status", null, HttpStatusCode.Unauthorized), ("/status", "wrong", HttpStatusCode.Unauthorized), ("/status", WebGrid.Reader, HttpStatusCode.OK), ("/status", WebGrid.Submitter, HttpStatusCode.OK), ("/status", WebGrid.Admin, HttpStatusCode.OK),
            ("/status.json", null, HttpStatusCode.Unauthorized), ("/status.json", WebGrid.Reader, HttpStatusCode.OK),
            ("/dashboard/", null, HttpStatusCode.Unauthorized), ("/dashboard/", WebGrid.Reader, HttpStatusCode.Forbidden), ("/dashboard/", WebGrid.Submitter, HttpStatusCode.Forbidden), ("/dashboard/", WebGrid.Admin, HttpStatusCode.OK),
            ("/dashboard/ClusterStats", null, HttpStatusCode.Unauthorized), ("/dashboard/ClusterStats", WebGrid.Reader, HttpStatusCode.Forbidden), ("/dashboard/index.min.js", null, HttpStatusCode.Unauthorized),
            ("/dashboard/GrainState?grainId=x&grainType=y", WebGrid.Admin, HttpStatusCode.Forbidden), ("/dashboard/Trace", WebGrid.Admin, HttpStatusCode.Forbidden),
            ("/elsewhere", null, HttpStatusCode.NotFound),
        ];
        foreach (var (path, token, status) in matrix)
        {
            foreach (bool basic in (bool[])[false, true])
            {
                var (answered, body, answer) = await web.AskAsync(path, token, basic: basic);
                Assert.True(status == answered, $"{path} with {token ?? "no token"} answers {answered}, not {status}: {body}");
                Assert.Equal(answered == HttpStatusCode.Unauthorized, answer.Headers.WwwAuthenticate.Count == 1);
                Assert.True(answer.Headers.CacheControl!.NoStore);
                Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
                Assert.Contains("frame-ancestors 'none'", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
                Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
                Assert.False(answer.Headers.Contains("Server"));
            }
        }

        foreach (var method in (HttpMethod[])[HttpMethod.Post, HttpMethod.Put, HttpMethod.Delete, HttpMethod.Options])
        {
            Assert.Equal(HttpStatusCode.MethodNotAllowed, (await web.AskAsync("/status", WebGrid.Admin, method: method)).Status);
        }

        var head = await web.AskAsync("/status", WebGrid.Reader, method: HttpMethod.Head);
        Assert.Equal((HttpStatusCode.OK, ""), (head.Status, head.Body));
    }

    /// <summary>What JSON and page show of the run is what stands in its metrics.jsonl, digit for digit.</summary>
    private async Task RequireNumbersAsync(WebGrid web, RunFolder run)
    {
        var metrics = File.ReadLines(Path.Combine(run.FullPath, "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        // Where looking takes long, what was seen is shown for up to half a minute.
        JsonElement status = default, job = default;
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(45); await Task.Delay(200, Token))
        {
            status = await web.StatusAsync(WebGrid.Reader);
            job = Assert.Single(status.GetProperty("jobs").EnumerateArray());
            if (job.GetProperty("state").GetString() != "running") { break; }
        }

        Assert.Equal(("succeeded", "rl", 6, 6), (job.GetProperty("state").GetString(), job.GetProperty("stage").GetString(), job.GetProperty("step").GetInt32(), job.GetProperty("steps_total").GetInt32()));
        Assert.Equal("submitter", job.GetProperty("submitted_by").GetString());
        var objectives = job.GetProperty("objectives").EnumerateArray().ToArray();
        Assert.Equal(["accuracy", "conciseness", "clarity"], objectives.Select(objective => objective.GetProperty("name").GetString()));
        string page = (await web.AskAsync("/status", WebGrid.Reader)).Body;
        foreach (var objective in objectives)
        {
            string key = $"objective/{objective.GetProperty("name").GetString()}/mean";
            string[] written = [.. metrics.Where(line => line.TryGetProperty(key, out _)).Select(line => line.GetProperty(key).GetRawText())];
            Assert.Equal(6, written.Length);
            Assert.Equal(written, objective.GetProperty("means").EnumerateArray().Select(mean => mean.GetRawText()));
            Assert.Equal(written[^1], objective.GetProperty("mean").GetRawText());
            Assert.Equal(metrics[^1].GetProperty($"weight/{objective.GetProperty("name").GetString()}").GetRawText(), objective.GetProperty("weight").GetRawText());
            Assert.Contains($"<data value=\"{written[^1]}\"", page, StringComparison.Ordinal);
            output.WriteLine($"{key}: {string.Join(' ', written)}");
        }

        foreach (Match shown in Data().Matches(page))
        {
            double exact = double.Parse(shown.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), read = double.Parse(shown.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture);
            Assert.InRange(read, exact - (Math.Abs(exact) * 5e-4) - 5e-4, exact + (Math.Abs(exact) * 5e-4) + 5e-4);
        }

        Assert.Equal(2, status.GetProperty("silos").EnumerateArray().Count(silo => silo.GetProperty("state").GetString() == "active"));
    }

    [GeneratedRegex("<data value=\"([^\"]+)\"[^>]*>([^<]+)</data>")]
    private static partial Regex Data();
}
