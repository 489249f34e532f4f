using System.Diagnostics;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Hosting;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs;

/// <summary>The queue on real silos, with coordinators whose jobs end when the test says so.</summary>
public sealed class GridGrainTests : IDisposable
{
    private readonly GridJobs _jobs = new();
    private readonly FakeCoordinators _coordinators = new();
    private readonly JobSpec _spec;

    public GridGrainTests() => _spec = _jobs.Read(ExactnessJobs.Create("linear", odd: false));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Jobs_run_by_priority_as_many_as_the_quota_says()
    {
        await using var cluster = await StartAsync();
        string first = await SubmitAsync(cluster, "a");
        await cluster.WaitAsync(first, job => job.Begun, Token);
        string low = await SubmitAsync(cluster, "b"), high = await SubmitAsync(cluster, "c", priority: 10);
        Assert.Equal([first, low, high], (await cluster.Grid.List(0, Token)).Jobs.Select(job => job.JobId));
        await Task.Delay(500, Token);
        Assert.Equal([first], _coordinators.Started);

        _coordinators[first].End(JobStatus.Succeeded);
        await cluster.WaitAsync(high, job => job.Begun, Token);
        Assert.Equal(JobState.Queued, (await cluster.Grid.Get(low, Token))!.State);
        Assert.Null(await cluster.Grid.SetQuota(2, Token));
        await cluster.WaitAsync(low, job => job.Begun, Token);
        Assert.Equal([first, high, low], _coordinators.Started);
        Assert.Equal(2, (await cluster.Grid.List(0, Token)).Quota);
    }

    [Fact]
    public async Task Pause_resume_and_cancel_reach_the_coordinator()
    {
        await using var cluster = await StartAsync();
        string id = await SubmitAsync(cluster, "a"), next = await SubmitAsync(cluster, "b");
        var begun = await cluster.WaitAsync(id, job => job.Begun, Token);
        Write(begun);
        Assert.Null(await cluster.Grid.Pause(id, Token));
        await cluster.WaitAsync(id, job => job.State == JobState.Paused, Token);
        await cluster.WaitAsync(next, job => job.Begun, Token);
        Assert.Null(await cluster.Grid.Cancel(next, Token));
        await cluster.WaitAsync(next, job => job.State == JobState.Cancelled, Token);
        // The paused one did not run by itself.
        Assert.Equal(JobState.Paused, (await cluster.Grid.Get(id, Token))!.State);
        Assert.Null(await cluster.Grid.Resume(id, Token));
        await cluster.WaitAsync(id, _ => _coordinators[id].Submissions.Count == 2, Token);
        Assert.Equal([false, true], _coordinators[id].Submissions.Select(submission => submission.Resume));
        var refused = await cluster.Grid.Pause("nobody", Token);
        Assert.Equal(new JobFailure(JobFailureKind.BadInput, "there is no job 'nobody' on this grid; ctwa jobs lists them."), refused);
    }

    [Fact]
    public async Task A_queue_survives_the_restart_of_every_silo()
    {
        string running, waiting, paused;
        await using (var before = await StartAsync(silos: 2))
        {
            running = await SubmitAsync(before, "a");
            Write(await before.WaitAsync(running, job => job.Begun, Token));
            waiting = await SubmitAsync(before, "b", priority: 3);
            paused = await SubmitAsync(before, "c");
            Assert.Null(await before.Grid.Pause(paused, Token));
        }

        _coordinators[running].Lose();
        await using var after = await StartAsync(silos: 2);
        await after.WaitAsync(running, _ => _coordinators[running].Submissions.Count == 2, Token);
        Assert.True(_coordinators[running].Submissions[1].Resume);
        Assert.Equal(_coordinators[running].Submissions[0].SpecJson, _coordinators[running].Submissions[1].SpecJson);
        Assert.Equal((JobState.Queued, 3), ((await after.Grid.Get(waiting, Token))!.State, (await after.Grid.Get(waiting, Token))!.Priority));
        Assert.Equal(JobState.Paused, (await after.Grid.Get(paused, Token))!.State);
        _coordinators[running].End(JobStatus.Succeeded);
        await after.WaitAsync(waiting, job => job.Begun, Token);
    }

    [Fact]
    public async Task The_queue_goes_on_when_the_silo_that_holds_it_dies_without_anybody_asking_for_it()
    {
        await using var cluster = await StartAsync(silos: 3);
        string id = await SubmitAsync(cluster, "a"), next = await SubmitAsync(cluster, "b");
        await cluster.WaitAsync(id, job => job.Begun, Token);
        var holder = cluster.Cluster.Silos.Single(silo => HoldsQueue(cluster, silo));
        await cluster.Cluster.KillSiloAsync(holder, Token);
        _coordinators[id].End(JobStatus.Succeeded);
        // No client calls here: the keepers do.
        long start = Environment.TickCount64;
        while (!_coordinators.Started.Contains(next))
        {
            Assert.InRange(Environment.TickCount64 - start, 0, 60_000);
            await Task.Delay(50, Token);
        }
    }

    [Fact]
    public async Task A_store_that_lost_its_data_gets_the_queue_again()
    {
        await using var cluster = await StartAsync();
        string id = await SubmitAsync(cluster, "a"), next = await SubmitAsync(cluster, "b");
        await cluster.WaitAsync(id, job => job.Begun, Token);
        string store = Path.Combine(_jobs.Folder, "grains");
        foreach (string file in Directory.GetFiles(store, "*", SearchOption.AllDirectories)) { File.Delete(file); }
        _coordinators[id].End(JobStatus.Succeeded);
        await cluster.WaitAsync(id, job => job.State == JobState.Succeeded, Token);
        await cluster.WaitAsync(next, job => job.Begun, Token);
        Assert.Contains(cluster.Log, line => line.Contains("it is stored again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_request_whose_answer_got_lost_is_one_job()
    {
        await using var cluster = await StartAsync();
        var request = Request("a");
        var first = await cluster.Grid.Submit(request, Token);
        var again = await cluster.Grid.Submit(request, Token);
        Assert.Equal(first.Job!.JobId, again.Job!.JobId);
        Assert.Single((await cluster.Grid.List(0, Token)).Jobs);
    }

    [Fact]
    public async Task What_is_wrong_is_refused_before_anything_is_stored_or_touched()
    {
        string root = Directory.CreateDirectory(Path.Combine(_jobs.Folder, "root")).FullName;
        await using var cluster = await StartAsync(folders: new GridFolders { AllowedRoots = [root] });
        string[] outside = (await RefusedAsync(cluster, Request("x"))).Split('\n');
        Assert.StartsWith("run directory (--output): '", outside[0], StringComparison.Ordinal);
        Assert.Contains(outside, line => line.StartsWith("data.train.path: '", StringComparison.Ordinal) && line.Contains($"allowed are paths below {root}.", StringComparison.Ordinal));
        Assert.All(outside, line => Assert.Contains("lies outside", line, StringComparison.Ordinal));

        Assert.Contains("contains '..'", await RefusedAsync(cluster, Request("x") with { RunDirectory = root + "/../../etc/passwd" }), StringComparison.Ordinal);
        Assert.Contains("contains '..'", await RefusedAsync(cluster, Request("x") with { SpecJson = JobSpecJson.Serialize(_spec with { Data = _spec.Data with { Train = _spec.Data.Train with { Path = "/../../etc/passwd" } } }) }), StringComparison.Ordinal);
        Assert.Contains("accepted are at most 262144", await RefusedAsync(cluster, Request("x") with { SpecJson = new string('x', 300_000) }), StringComparison.Ordinal);
        Assert.Contains("the priority is 101; accepted are -100 to 100.", await RefusedAsync(cluster, Request("x") with { Priority = 101 }), StringComparison.Ordinal);
        Assert.Contains("nmae", await RefusedAsync(cluster, Request("x") with { SpecJson = """{"nmae":1}""" }), StringComparison.Ordinal);
        Assert.Empty((await cluster.Grid.List(0, Token)).Jobs);
        Assert.Empty(_coordinators.Started);
        Assert.Empty(Directory.GetFileSystemEntries(root));
    }

    // It is stopped by Orleans' own limit, far below the gigabyte: what matters is that the silo lives and nothing is stored.
    [Fact]
    public async Task A_request_that_no_message_may_hold_fails_and_the_grid_goes_on()
    {
        await using var cluster = await StartAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => cluster.Grid.Submit(Request("x") with { SpecJson = new string('x', GridSiloBuilder.LargestMessageBytes + 1) }, Token).WaitAsync(TimeSpan.FromSeconds(60), Token));
        var request = Request("a"); // its id makes asking again asking once
        string id = (await PatientlyAsync(() => cluster.Grid.Submit(request, Token))).Job!.JobId;
        await cluster.WaitAsync(id, job => job.Begun, Token);
        Assert.Single((await PatientlyAsync(() => cluster.Grid.List(0, Token))).Jobs);
    }

    [Fact]
    public async Task Without_an_output_runs_go_below_the_first_allowed_root_or_the_clients_folder()
    {
        var spec = _spec;
        await using (var confined = await StartAsync(folders: new GridFolders { AllowedRoots = [_jobs.Folder] }))
        {
            var job = (await confined.Grid.Submit(Request("x") with { RunDirectory = null }, Token)).Job!;
            Assert.Equal(Path.Combine(_jobs.Folder, "runs", job.JobId), job.RunDirectory);
        }

        Directory.Delete(Path.Combine(_jobs.Folder, "grains"), recursive: true);
        await using var open = await StartAsync();
        var other = (await open.Grid.Submit(Request("x") with { RunDirectory = null, Folder = "/home/somebody" }, Token)).Job!;
        Assert.Equal($"/home/somebody/runs/{other.JobId}", other.RunDirectory);
    }

    public void Dispose() => _jobs.Dispose();

    private static bool HoldsQueue(JobCluster cluster, Orleans.TestingHost.InProcessSiloHandle silo) =>
        cluster.Cluster.TryGetGrainContext(cluster.Grid.GetGrainId(), out var context) && context.Address.SiloAddress!.Equals(silo.SiloAddress);

    private static void Write(JobRecord job)
    {
        Directory.CreateDirectory(job.RunDirectory);
        File.WriteAllText(Path.Combine(job.RunDirectory, "job.yaml"), "");
    }

    private Task<JobCluster> StartAsync(short silos = 1, GridFolders? folders = null) =>
        JobCluster.StartAsync(new JobClusterOptions { Silos = silos, StateFolder = _jobs.Folder, Coordinators = _coordinators, Folders = folders ?? new GridFolders() });

    private JobRequest Request(string run) => new(JobSpecJson.Serialize(_spec), Path.Combine(_jobs.Folder, run), _jobs.Folder, 0, false, Guid.NewGuid().ToString("N"));

    private async Task<string> SubmitAsync(JobCluster cluster, string run, int priority = 0)
    {
        var answer = await cluster.Grid.Submit(Request(run) with { Priority = priority }, Token);
        Assert.Null(answer.Failure);
        return answer.Job!.JobId;
    }

    // As `ctwa` does: the connections that the great message broke are made anew; until then calls are turned away, or what was under way is lost.
    private static async Task<T> PatientlyAsync<T>(Func<Task<T>> call)
    {
        for (long start = Stopwatch.GetTimestamp(); ;)
        {
            try { return await call(); }
            catch (Exception e) when (e is TimeoutException or OrleansException && Stopwatch.GetElapsedTime(start) < TimeSpan.FromMinutes(2)) { await Task.Delay(200, Token); }
        }
    }

    private static async Task<string> RefusedAsync(JobCluster cluster, JobRequest request)
    {
        var answer = await cluster.Grid.Submit(request, Token);
        Assert.Equal((null, JobFailureKind.BadInput), (answer.Job, answer.Failure!.Kind));
        return answer.Failure.Message;
    }
}
