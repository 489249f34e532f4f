using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.Grid.Tests.Chaos;

/// <summary>What a rolling update does: one silo after the other gets SIGTERM, and another takes its place once it is gone.</summary>
public sealed class RollingRestartTests(ITestOutputHelper output) : IDisposable
{
    private const int Silos = 3;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-rolling-").FullName;

    [Fact, Trait("Category", ChaosTests.Long)]
    public async Task Every_silo_is_replaced_while_a_job_runs_and_no_step_is_lost_or_done_twice()
    {
        await using var redis = await RedisRequired.StartAsync();
        var job = new LongJob(_folder, steps: 90);
        var expected = await job.UndisturbedAsync();
        await using var grid = await LocalGrid.StartAsync(Path.Combine(_folder, "grid"), redis, Silos);
        var run = new RunFolder(Path.Combine(_folder, "run"));
        await using var client = await grid.SubmitAsync(job.Path, run.FullPath);
        await LongJob.GoOnAsync(run, 10, client);
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        int moves = 0;
        for (int i = 0; i < Silos; i++)
        {
            var silo = grid.Silos[i];
            bool coordinates = grid.CoordinatorOf(run) == silo;
            moves += coordinates ? 1 : 0;
            var probes = new ConcurrentQueue<(string Path, HttpStatusCode Status, string Body)>();
            using var ended = new CancellationTokenSource();
            var probing = ProbeAsync(http, silo, probes, ended.Token);
            var clock = System.Diagnostics.Stopwatch.StartNew();
            Assert.Equal(0, await silo.TerminateAsync(s_patience));
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{silo}{(coordinates ? ", the coordinator's," : "")} left after {clock.Elapsed.TotalSeconds:0.0} s, at line {RunProgress.Of(run).Lines}"));
            await ended.CancelAsync();
            await probing;
            RequireDraining(probes);
            clock.Restart();
            var successor = await grid.JoinAsync();
            await UntilReadyAsync(http, successor);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{successor} is ready after {clock.Elapsed.TotalSeconds:0.0} s, at line {RunProgress.Of(run).Lines} of {expected.History.Count}"));
            Assert.True(client.IsRunning, "the job ended before the last silo was replaced; it must be longer for this test to mean anything.");
        }

        Assert.Equal(0, await client.WaitAsync(LongJob.Deadline));
        LongJob.Equal(expected, run);
        Assert.Equal(expected.Steps.Count, expected.Steps.Distinct().Count());
        RequireNothingDoneAgain(run, moves);
        Assert.All(grid.Silos, silo => Assert.DoesNotContain("work still ran here", silo.Process.ReadLog(), StringComparison.Ordinal));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Asks as Kubernetes does, until the silo is gone.</summary>
    private static async Task ProbeAsync(HttpClient http, GridSilo silo, ConcurrentQueue<(string, HttpStatusCode, string)> seen, CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            foreach (string path in (string[])["/healthz", "/readyz"])
            {
                try
                {
                    using var answer = await http.GetAsync(Probe(silo, path), ended);
                    seen.Enqueue((path, answer.StatusCode, await answer.Content.ReadAsStringAsync(ended)));
                }
                catch (Exception gone) when (gone is HttpRequestException or OperationCanceledException or IOException)
                {
                    // Its process ends, or the test has seen enough.
                }
            }

            await Task.Delay(20, CancellationToken.None);
        }
    }

    private static void RequireDraining(ConcurrentQueue<(string Path, HttpStatusCode Status, string Body)> probes)
    {
        var live = probes.Where(probe => probe.Path == "/healthz").ToArray();
        Assert.NotEmpty(live);
        Assert.All(live, probe => Assert.Equal(HttpStatusCode.OK, probe.Status));
        var leaving = probes.Where(probe => probe.Path == "/readyz" && probe.Status == HttpStatusCode.ServiceUnavailable).ToArray();
        Assert.NotEmpty(leaving);
        Assert.All(leaving, probe => Assert.Contains("the silo is leaving", probe.Body, StringComparison.Ordinal));
    }

    private static async Task UntilReadyAsync(HttpClient http, GridSilo silo)
    {
        using var limit = new CancellationTokenSource(s_patience);
        while (true)
        {
            using var answer = await http.GetAsync(Probe(silo, "/readyz"), limit.Token);
            if (answer.StatusCode == HttpStatusCode.OK) { return; }
            await Task.Delay(100, limit.Token);
        }
    }

    /// <summary>
    /// A step that was begun and given up leaves a trace: the loop says that it does it again, or a coordinator takes over without
    /// having been handed the run by the one before, at the same step.
    /// </summary>
    private void RequireNothingDoneAgain(RunFolder run, int moves)
    {
        var log = File.ReadLines(Path.Combine(run.FullPath, "log.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).Select(line => (Epoch: line.GetProperty("epoch").GetInt64(), Text: line.GetProperty("text").GetString()!)).ToArray();
        foreach (var (epoch, text) in log) { output.WriteLine($"{epoch}: {text}"); }
        Assert.DoesNotContain(log, line => line.Text.Contains("is done again", StringComparison.Ordinal) || line.Text.Contains("goes back to its last checkpoint", StringComparison.Ordinal));
        long[] epochs = [.. log.Select(line => line.Epoch).Distinct().Order()];
        Assert.True(epochs.Length >= 2, "the coordinator never moved.");
        Assert.InRange(epochs.Length - 1, moves, Silos);
        foreach (var (before, after) in epochs.Zip(epochs.Skip(1)))
        {
            string handed = Assert.Single(log, line => line.Epoch == before && line.Text.StartsWith("handed over after ", StringComparison.Ordinal)).Text;
            string taken = Assert.Single(log, line => line.Epoch == after && line.Text.StartsWith("continued after ", StringComparison.Ordinal)).Text;
            Assert.Equal(handed["handed over after ".Length..].Split(':')[0], taken["continued after ".Length..]);
        }
    }

    private static Uri Probe(GridSilo silo, string path) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{silo.HealthPort}{path}"));
}
