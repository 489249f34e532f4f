using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs;

/// <summary>What the queue makes of everything that may become of a job.</summary>
public sealed class JobDriverTests : IDisposable
{
    private readonly string _run = Directory.CreateTempSubdirectory("ctwa-driver-").FullName;
    private readonly FakeCoordinators _coordinators = new();
    private readonly JobQueue _queue = new(new GridState(), new JobQueueOptions());
    private readonly Clock _clock = new();
    private readonly JobDriver _driver;
    private string? _spec = "{}";

    public JobDriverTests()
    {
        _driver = new JobDriver(_queue, _coordinators, new JobQueueOptions(), _ => Task.FromResult<string?>(_spec), _clock);
        _queue.Add(number => new JobRecord { JobId = "job", Number = number, RunDirectory = _run, SpecSha256 = "", SubmittedBy = "local", SubmittedAt = _clock.Now, RequestId = "r" });
        _queue.Start("job", _clock.Now, ["s"]);
    }

    private FakeCoordinator Coordinator => _coordinators["job"];

    private JobRecord Job => _queue.Find("job")!;

    [Fact]
    public async Task A_new_job_is_started_once_and_its_steps_are_seen()
    {
        Assert.True(await LookAsync());
        Assert.Equal(new JobSubmission("{}", _run, Resume: false), Assert.Single(Coordinator.Submissions));
        Coordinator.Step(1);
        Coordinator.Step(2);
        Assert.True(await LookAsync()); // The epoch is new.
        Assert.Equal((new JobPosition(false, 2), 9, 1L, true), (Job.Position, Job.StepsTotal, Job.Epoch, Job.Begun));
        // A step is no reason to write: a look tells it again.
        Coordinator.Step(3);
        Assert.False(await LookAsync());
        Assert.Equal(3, Job.Position!.Step);
        Assert.Single(Coordinator.Submissions);
        Coordinator.End(JobStatus.Succeeded);
        Assert.True(await LookAsync());
        Assert.Equal((JobState.Succeeded, _clock.Now), (Job.State, Job.EndedAt));
    }

    [Fact]
    public async Task A_coordinator_that_was_lost_is_followed_by_one_that_resumes()
    {
        await LookAsync();
        Coordinator.Step(4);
        await LookAsync();
        WriteJob();
        Coordinator.Lose();
        await LookAsync();
        Assert.Equal([false, true], Coordinator.Submissions.Select(submission => submission.Resume));
        // It does step 4 again: the job has not gone back.
        Coordinator.Step(3);
        await LookAsync();
        Assert.Equal((JobState.Running, 4, 2L), (Job.State, Job.Position!.Step, Job.Epoch));
    }

    [Theory]
    [InlineData(JobFailureKind.BadInput)]
    [InlineData(JobFailureKind.Reward)]
    [InlineData(JobFailureKind.Numeric)]
    [InlineData(JobFailureKind.Storage)]
    [InlineData(JobFailureKind.Memory)]
    public async Task What_the_job_itself_did_ends_it(JobFailureKind kind)
    {
        await LookAsync();
        Coordinator.End(JobStatus.Failed, new JobFailure(kind, "it went wrong"));
        await LookAsync();
        Assert.Equal((JobState.Failed, new JobFailure(kind, "it went wrong")), (Job.State, Job.Failure));
        Assert.Single(Coordinator.Submissions);
    }

    [Fact]
    public async Task What_the_grid_did_to_it_does_not_until_it_happens_again_and_again_at_one_step()
    {
        var failure = new JobFailure(JobFailureKind.Internal, "the silo shut down while the job ran.");
        WriteJob();
        await LookAsync();
        for (int restart = 1; restart <= 5; restart++)
        {
            Coordinator.End(JobStatus.Failed, failure);
            await LookAsync();
            Assert.Equal((JobState.Running, restart), (Job.State, Job.Restarts));
            await LookAsync();
            // A step in between proves that it is worth while.
            if (restart == 3)
            {
                Coordinator.Step(1);
                await LookAsync();
                Assert.Equal((0, null), (Job.Restarts, Job.Failure));
                restart = 0;
                Coordinator.Lose();
                await LookAsync();
                break;
            }
        }

        for (int restart = 0; restart < 5; restart++)
        {
            Coordinator.End(JobStatus.Failed, failure);
            await LookAsync();
            Assert.Equal(JobState.Running, Job.State);
            await LookAsync();
        }

        Coordinator.End(JobStatus.Failed, failure);
        await LookAsync();
        Assert.Equal(JobState.Failed, Job.State);
        Assert.EndsWith("started 5 times again without a step in between.", Job.Failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_that_somebody_else_stopped_goes_on()
    {
        await LookAsync();
        WriteJob();
        Coordinator.End(JobStatus.Stopped);
        await LookAsync();
        await LookAsync();
        Assert.Equal((JobState.Running, JobStatus.Running), (Job.State, Coordinator.Status));
        Assert.Equal([false, true], Coordinator.Submissions.Select(submission => submission.Resume));
    }

    [Theory]
    [InlineData(true, JobState.Paused)]
    [InlineData(false, JobState.Cancelled)]
    public async Task Pausing_and_cancelling_ask_until_the_coordinator_has_stopped(bool pause, JobState end)
    {
        await LookAsync();
        Act(pause);
        await LookAsync();
        Assert.Equal(1, Coordinator.Stops);
        await LookAsync();
        Assert.Equal(end, Job.State);
    }

    [Theory]
    [InlineData(true, JobState.Paused)]
    [InlineData(false, JobState.Cancelled)]
    public async Task A_job_whose_coordinator_is_lost_while_it_stops_is_not_started_again(bool pause, JobState end)
    {
        await LookAsync();
        Act(pause);
        Coordinator.Lose();
        await LookAsync();
        Assert.Equal(end, Job.State);
        Assert.Single(Coordinator.Submissions);
    }

    [Fact]
    public async Task A_job_that_ends_while_it_should_pause_has_succeeded()
    {
        await LookAsync();
        Act(pause: true);
        Coordinator.End(JobStatus.Succeeded);
        await LookAsync();
        Assert.Equal(JobState.Succeeded, Job.State);
    }

    [Fact]
    public async Task A_refused_job_has_failed()
    {
        _coordinators.Refusal = _ => new JobFailure(JobFailureKind.BadInput, "no");
        await LookAsync();
        Assert.Equal((JobState.Failed, "no"), (Job.State, Job.Failure?.Message));
    }

    [Fact]
    public async Task A_run_directory_that_its_former_owner_still_holds_is_waited_for_but_not_for_ever()
    {
        WriteJob();
        _coordinators.Refusal = _ => new JobFailure(JobFailureKind.Storage, "in use by process 1");
        for (int i = 0; i < 3; i++)
        {
            Assert.False(await LookAsync());
            _clock.Now += TimeSpan.FromSeconds(30);
        }

        _clock.Now += TimeSpan.FromSeconds(60);
        await LookAsync();
        Assert.Equal((JobState.Failed, JobFailureKind.Storage), (Job.State, Job.Failure!.Kind));
    }

    [Fact]
    public async Task A_job_without_its_text_fails_and_says_what_to_do()
    {
        _spec = null;
        await LookAsync();
        Assert.Equal(JobState.Failed, Job.State);
        Assert.Contains("submit the job again", Job.Failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silent_coordinator_changes_nothing()
    {
        await LookAsync();
        Coordinator.Broken = new SiloUnavailableException("gone");
        await Assert.ThrowsAsync<SiloUnavailableException>(LookAsync);
        Assert.Equal(JobState.Running, Job.State);
    }

    public void Dispose() => Directory.Delete(_run, recursive: true);

    private Task<bool> LookAsync() => _driver.LookAsync("job", TestContext.Current.CancellationToken);

    private void WriteJob() => File.WriteAllText(Path.Combine(_run, "job.yaml"), "");

    private void Act(bool pause)
    {
        if (pause) { _queue.Pause("job"); }
        else { _queue.Cancel("job"); }
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
