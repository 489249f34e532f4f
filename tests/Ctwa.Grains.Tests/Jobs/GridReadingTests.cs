using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs;
using Ctwa.Grains.Jobs.Logs;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Specification;
using Orleans.Runtime;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs;

/// <summary>What clients read of a grid: its silos, a job's log, what a job does.</summary>
public sealed class GridReadingTests : IDisposable
{
    private readonly GridJobs _jobs = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _jobs.Dispose();

    [Fact]
    public async Task Silos_are_told_with_what_they_are_and_without_what_is_secret()
    {
        await using var cluster = await JobCluster.StartAsync(new JobClusterOptions { StateFolder = _jobs.Folder, Silos = 2, Coordinators = new FakeCoordinators() });
        var page = await cluster.Grid.Silos(null, Token);
        Assert.Equal((2, false), (page.Silos.Length, page.More));
        Assert.Equal(cluster.Cluster.Silos.Select(silo => silo.SiloAddress.ToParsableString()).Order(StringComparer.Ordinal), page.Silos.Select(silo => silo.Address));
        Assert.All(page.Silos, silo =>
        {
            Assert.Equal((SiloCondition.Active, true, 2), (silo.State, silo.Computes, silo.Lanes));
            Assert.StartsWith("cpu ", silo.Device, StringComparison.Ordinal);
            Assert.True(silo.MemoryBytes > 1 << 20);
            Assert.InRange(silo.StartedAt!.Value, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddSeconds(1));
            Assert.NotEmpty(silo.Version);
            Assert.DoesNotContain("Proof", silo.ToString(), StringComparison.Ordinal);
        });
        Assert.Equal(page.Silos[1].Address, Assert.Single((await cluster.Grid.Silos(page.Silos[0].Address, Token)).Silos).Address);
        await cluster.Cluster.KillSiloAsync(cluster.Cluster.Silos[1], Token);
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                if ((await cluster.Grid.Silos(null, Token)).Silos is [{ State: SiloCondition.Active }]) { break; }
            }
            catch (Exception e) when (e is TimeoutException or OrleansException) { /* It held the queue. */ }

            Assert.True(attempt < 200, "the dead silo is still listed");
            await Task.Delay(100, Token);
        }
    }

    [Fact]
    public async Task A_job_tells_its_log_and_while_it_runs_what_it_does()
    {
        await using var cluster = await JobCluster.StartAsync(new JobClusterOptions { StateFolder = _jobs.Folder });
        var spec = _jobs.Read(ExactnessJobs.Create("linear", odd: false));
        var answer = await cluster.Grid.Submit(new JobRequest(JobSpecJson.Serialize(spec), Path.Combine(_jobs.Folder, "run"), _jobs.Folder, 0, false, "r"), Token);
        Assert.True(answer.Failure is null, answer.Failure?.Message);
        string id = answer.Job!.JobId;
        var coordinator = cluster.Cluster.Client.GetGrain<ICoordinatorGrain>(id);
        var seen = new HashSet<string>();
        JobActivity? busiest = null;
        for (long after = 0; ;)
        {
            var progress = await coordinator.Watch(after, Token);
            if (!progress.Events.IsDefaultOrEmpty) { after = progress.Events[^1].Sequence; }
            if (progress.Activity is { } activity)
            {
                seen.Add(activity.Phase);
                if (!activity.Members.IsEmpty) { busiest = activity; }
            }

            if (progress.Status is JobStatus.Succeeded or JobStatus.Failed)
            {
                Assert.Equal(JobStatus.Succeeded, progress.Status);
                Assert.Null(progress.Activity);
                break;
            }
        }

        Assert.True(seen.Overlaps(["generate", "score", "update", "observe", "validate", "checkpoint"]), string.Join(' ', seen));
        var member = Assert.Single(busiest!.Members);
        Assert.Equal((cluster.Cluster.Silos[0].SiloAddress.ToParsableString(), 2, spec.Grid.Shards, spec.Grid.Slices, 1), (member.Silo, member.Lanes, member.Shards, member.Slices, busiest.MemberCount));
        await cluster.WaitAsync(id, job => job.State == JobState.Succeeded, Token);
        var log = await cluster.Grid.Log(id, 0, Token);
        string[] texts = [.. log.Lines.Select(line => line.Text)];
        Assert.StartsWith("started by silo ", texts[0], StringComparison.Ordinal);
        Assert.Contains(texts, text => text.StartsWith("plan 1: ", StringComparison.Ordinal));
        Assert.Contains(texts, text => text.StartsWith("checkpoint ", StringComparison.Ordinal));
        Assert.Equal("succeeded", texts[^1]);
        Assert.Empty((await cluster.Grid.Log("nobody", 0, Token)).Lines);
    }

    [Fact]
    public void Pages_of_silos_stay_below_the_size_of_a_message()
    {
        ImmutableArray<SiloOverview> silos = [.. Enumerable.Range(0, 500).Select(i => new SiloOverview($"10.0.{i / 100}.{100 + (i % 100)}:11111@5", SiloCondition.Active) { Device = new string('d', 60), Jobs = [.. Enumerable.Range(0, 32).Select(j => $"job-{j}-20261127-081511")] })];
        var all = new List<SiloOverview>();
        int pages = 0;
        for (bool more = true; more; pages++)
        {
            var page = SiloRoll.After(silos, all.Count > 0 ? all[^1].Address : null);
            Assert.InRange(page.Silos.Sum(silo => silo.Address.Length + silo.Device.Length + silo.Jobs.Sum(job => job.Length)), 1, GridLimits.AnswerBytes);
            all.AddRange(page.Silos);
            more = page.More;
        }

        Assert.Equal(silos, all);
        Assert.True(pages > 5);
    }
}
