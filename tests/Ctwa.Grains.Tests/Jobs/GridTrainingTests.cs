using Ctwa.Grains.Abstractions;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs;

/// <summary>Real jobs through the queue.</summary>
public sealed class GridTrainingTests : IDisposable
{
    private const string Secret = "s3cr3t-value-that-nobody-may-see";

    private readonly GridJobs _jobs = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Queued_jobs_end_with_the_weights_of_undisturbed_ones_also_after_a_pause()
    {
        var spec = _jobs.Read(ExactnessJobs.Create("ctwa", odd: true));
        var local = await _jobs.TrainLocallyAsync(spec, "local");
        await using var cluster = await JobCluster.StartAsync(new JobClusterOptions { StateFolder = _jobs.Folder });
        string first = await SubmitAsync(cluster, spec, "first"), second = await SubmitAsync(cluster, spec, "second");
        await cluster.WaitAsync(first, job => job.Position is not null, Token);
        Assert.Null(await cluster.Grid.Pause(first, Token));
        var paused = await cluster.WaitAsync(first, job => job.State is JobState.Paused or JobState.Succeeded, Token);
        Assert.Equal(JobState.Paused, paused.State);
        Assert.Equal(JobState.Succeeded, (await cluster.WaitAsync(second, job => job.HasEnded, Token, seconds: 180)).State);
        Assert.Null(await cluster.Grid.Resume(first, Token));
        var ended = await cluster.WaitAsync(first, job => job.HasEnded, Token, seconds: 180);
        Assert.Equal((JobState.Succeeded, null), (ended.State, ended.Failure));
        foreach (string run in (string[])["first", "second"])
        {
            Assert.Equal(local.ModelHash, _jobs.Run(run).ModelHash);
            Assert.Equal(local.History, _jobs.Run(run).History);
        }

        // Who comes late reads everything from the run's files.
        var lines = new List<string>();
        for (JobPosition? after = null; ;)
        {
            var page = await cluster.Grid.History(first, after, Token);
            lines.AddRange(page.Lines);
            if (page.Lines.IsEmpty || !page.More) { break; }
            after = Ctwa.Grains.Jobs.JobHistoryReader.PositionOf(page.Lines[^1]);
        }

        Assert.Equal(File.ReadAllLines(Path.Combine(_jobs.Folder, "first", "metrics.jsonl")), lines);
        Assert.Equal(File.ReadAllText(Path.Combine(_jobs.Folder, "first", "summary.json")), await cluster.Grid.Summary(first, Token));
    }

    [Fact]
    public async Task A_secret_is_in_no_file_no_log_no_answer_and_no_event()
    {
        Assert.SkipWhen(ProgramPath.Find("python3") is null, "there is no python3 on the PATH.");
        Environment.SetEnvironmentVariable("CTWA_TEST_GRID_SECRET", Secret);
        string grader = Path.Combine(_jobs.Folder, "grader.py");
        // It needs the secret, and fails in a while: failures are where secrets get out.
        File.WriteAllText(grader, $"#!/usr/bin/env python3\nimport json, os, sys\nassert os.environ['CTWA_TEST_GRID_SECRET'] == bytes.fromhex('{Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(Secret))}').decode()\nfor n, line in enumerate(sys.stdin):\n    if n > 20: open(sys.argv[0] + '.dead', 'w')\n    if os.path.exists(sys.argv[0] + '.dead'): sys.exit(3)\n    print(json.dumps({{'id': json.loads(line)['id'], 'scores': [n % 3 / 3]}}), flush=True)\n");
        if (!OperatingSystem.IsWindows()) { File.SetUnixFileMode(grader, UnixFileMode.UserRead | UnixFileMode.UserExecute); }
        var spec = _jobs.Read(ExactnessJobs.Create("linear", odd: false));
        spec = JobInspector.WithAbsolutePaths(spec with { Objectives = [spec.Objectives[0] with { Reward = new ProcessRewardSpec { Command = [grader], Environment = ["CTWA_TEST_GRID_SECRET"], MaxRestarts = 1 }, OnFailure = FailurePolicy.Fail, Retries = 0, Timeout = "20s" }, .. spec.Objectives.Skip(1)] }, _jobs.Folder);
        var cluster = await JobCluster.StartAsync(new JobClusterOptions { StateFolder = _jobs.Folder, Rewards = new RewardPolicy { Programs = [grader], Secrets = ["CTWA_TEST_GRID_SECRET"] } });
        string id = await SubmitAsync(cluster, spec, "run");
        var ended = await cluster.WaitAsync(id, job => job.HasEnded, Token, seconds: 180);
        Assert.Equal((JobState.Failed, JobFailureKind.Reward), (ended.State, ended.Failure?.Kind));
        var (_, events) = await GridJobs.WatchAsync(cluster.Cluster.Client.GetGrain<ICoordinatorGrain>(id), Token);
        Assert.NotEmpty(events);
        // Nothing is written any more when it is read.
        await cluster.DisposeAsync();
        string[] texts =
        [
            .. Directory.EnumerateFiles(_jobs.Folder, "*", SearchOption.AllDirectories).Select(File.ReadAllText),
            .. cluster.Log, .. events.Select(happened => happened.Json), ended.ToString(),
        ];
        Assert.Contains(texts, text => text.Contains("CTWA_TEST_GRID_SECRET", StringComparison.Ordinal));
        Assert.DoesNotContain(texts, text => text.Contains(Secret, StringComparison.Ordinal));
    }

    public void Dispose() => _jobs.Dispose();

    private async Task<string> SubmitAsync(JobCluster cluster, JobSpec spec, string run)
    {
        var answer = await cluster.Grid.Submit(new JobRequest(JobSpecJson.Serialize(spec), Path.Combine(_jobs.Folder, run), _jobs.Folder, 0, false, Guid.NewGuid().ToString("N")), Token);
        Assert.Null(answer.Failure);
        return answer.Job!.JobId;
    }
}
