using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.Grid.Tests.Telemetry;

/// <summary>What a collector gets of a grid, and that a job does not notice whether there is one.</summary>
public sealed class OtlpTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-otlp-").FullName;

    private static GridSettings Sending(Uri endpoint) => new()
    {
        SiloOptions = ["--otlp-endpoint", endpoint.AbsoluteUri, "--trace-ratio", "1"],
        SiloEnvironment = new Dictionary<string, string?> { ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000", ["OTEL_BSP_SCHEDULE_DELAY"] = "500", ["OTEL_BLRP_SCHEDULE_DELAY"] = "500", ["OTEL_BSP_MAX_QUEUE_SIZE"] = "65536" },
    };

    [Fact]
    public async Task A_collector_gets_metrics_logs_and_one_trace_per_step_with_the_spans_of_both_silos()
    {
        await using var redis = await RedisRequired.StartAsync();
        await using var collector = await OtlpReceiver.StartAsync();
        await using var grid = await LocalGrid.StartAsync(Path.Combine(_folder, "grid"), redis, 2, Sending(collector.Endpoint));
        var run = new RunFolder(Path.Combine(_folder, "run"));
        await using var client = await grid.SubmitAsync(ExactnessJobs.Interrupted.WriteTo(_folder), run.FullPath);
        Assert.True(await client.WaitAsync(s_patience) == 0, client.ReadLog());
        foreach (var silo in grid.Silos) { Assert.Equal(0, await silo.TerminateAsync(TimeSpan.FromSeconds(60))); }

        ReceivedSpan[] spans = [.. collector.Spans];
        ReceivedSpan[] steps = [.. spans.Where(span => span.Name == "step" && span.Attributes["ctwa.stage"] == "rl")];
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{spans.Length} spans of {string.Join(", ", spans.GroupBy(span => span.Name).OrderByDescending(group => group.Count()).Select(group => $"{group.Key} {group.Count()}"))}"));

        // One trace for each of the six steps, and the step is its root.
        Assert.Equal(6, steps.Select(step => step.Trace).Distinct().Count());
        Assert.All(steps, step => Assert.Equal("", step.Parent));
        foreach (var step in steps)
        {
            var trace = spans.Where(span => span.Trace == step.Trace).ToDictionary(span => span.Id);
            Assert.Equal(2, trace.Values.Select(span => span.Silo).Distinct().Count());
            // Whoever is in it hangs below somebody who is in it.
            Assert.All(trace.Values.Where(span => span != step), span => Assert.True(trace.ContainsKey(span.Parent), $"{span.Name} of {span.Scope} hangs below {span.Parent}, which did not arrive"));
            string[] names = [.. trace.Values.Select(span => span.Name).Distinct()];
            Assert.All((string[])["attempt", "generate", "score", "update", "observe", "commit", "shards generate", "shard generate", "rewards score", "slices apply", "slice apply", "member publish", "tensor pull", "tensor serve"], name => Assert.Contains(name, names));
            Assert.DoesNotContain(names, name => name.EndsWith("/Poll", StringComparison.Ordinal));

            // The pulling silo's span is the parent of the serving silo's, which is another.
            Assert.All(trace.Values.Where(span => span.Name == "tensor serve"), serve => Assert.Equal("tensor pull", trace[serve.Parent].Name));
            Assert.All(trace.Values.Where(span => span.Name == "tensor serve"), serve => Assert.NotEqual(trace[serve.Parent].Silo, serve.Silo));
            // Phases hang below the attempt, shards below a phase.
            Assert.Equal("attempt", trace[trace.Values.First(span => span.Name == "generate").Parent].Name);
            Assert.All(trace.Values.Where(span => span.Name == "shard generate"), shard => Assert.Contains(Ancestors(trace, shard), name => name is "generate" or "validate"));
        }

        // Every step's log carries its trace; the one more is that of the measurement before the first step.
        ReceivedLog[] logs = [.. collector.Logs.Where(log => log.Text.Contains("a step of stage Rl is done", StringComparison.Ordinal))];
        Assert.Equal(7, logs.Length);
        Assert.All(steps, step => Assert.Contains(logs, log => log.Trace == step.Trace));
        Assert.All(logs, log => Assert.Contains(log.Span, spans.Select(span => span.Id)));

        Assert.Equal(("{step}", "s", "By", "s"), (collector.Metrics["ctwa.job.steps"], collector.Metrics["ctwa.job.phase.time"], collector.Metrics["ctwa.channel.sent"], collector.Metrics["ctwa.reward.duration"]));
        Assert.Contains("dotnet.process.cpu.time", collector.Metrics.Keys);
        Assert.Contains(collector.Metrics.Keys, name => name.StartsWith("orleans", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_collector_that_takes_everything_and_answers_nothing_changes_no_bit_and_delays_no_end()
    {
        await using var redis = await RedisRequired.StartAsync();
        string job = ExactnessJobs.Interrupted.WriteTo(_folder), alone = Path.Combine(_folder, "alone");
        var expected = await CtwaProcess.RunAsync(_folder, ["train", job, "--output", alone]);
        Assert.True(expected.ExitCode == 0, expected.ToString());

        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var grid = await LocalGrid.StartAsync(Path.Combine(_folder, "grid"), redis, 2, Sending(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}"))));
        var run = new RunFolder(Path.Combine(_folder, "run"));
        await using var client = await grid.SubmitAsync(job, run.FullPath);
        Assert.True(await client.WaitAsync(s_patience) == 0, client.ReadLog());
        Assert.Equal(new RunFolder(alone).ModelHash, run.ModelHash);
        Assert.Equal(new RunFolder(alone).History, run.History);
        foreach (var silo in grid.Silos) { Assert.Equal(0, await silo.TerminateAsync(TimeSpan.FromSeconds(30))); }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static IEnumerable<string> Ancestors(Dictionary<string, ReceivedSpan> trace, ReceivedSpan span)
    {
        for (var at = span; trace.TryGetValue(at.Parent, out var parent); at = parent) { yield return parent.Name; }
    }
}
