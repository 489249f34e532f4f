using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs;

public sealed class JobQueueTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private readonly JobQueue _queue = new(new GridState(), new JobQueueOptions());

    [Fact]
    public void Higher_priorities_come_first_and_among_equals_the_older()
    {
        foreach (var (id, priority) in new[] { ("a", 0), ("b", 5), ("c", 5), ("d", -1) }) { Add(id, priority); }
        _queue.SetQuota(3);
        Assert.Equal(["b", "c", "a"], _queue.Next().Select(job => job.JobId));
        _queue.SetPriority("d", 100);
        Assert.Equal(["d", "b", "c"], _queue.Next().Select(job => job.JobId));
    }

    [Fact]
    public void The_quota_counts_everything_that_holds_memory_and_never_more()
    {
        for (int i = 0; i < 4; i++) { Add($"job-{i}"); }
        Assert.Equal("job-0", Assert.Single(_queue.Next()).JobId);
        _queue.Start("job-0", Now, ["s"]);
        Assert.Empty(_queue.Next());
        // On its way out it still holds what it has.
        _queue.Pause("job-0");
        Assert.Empty(_queue.Next());
        _queue.Change("job-0", job => job with { State = JobState.Paused });
        Assert.Equal("job-1", Assert.Single(_queue.Next()).JobId);
        _queue.SetQuota(2);
        Assert.Equal(["job-1", "job-2"], _queue.Next().Select(job => job.JobId));
        Assert.Throws<JobRefusedException>(() => _queue.SetQuota(0));
        Assert.Throws<JobRefusedException>(() => _queue.SetQuota(1001));
    }

    [Fact]
    public void A_resumed_job_keeps_its_place()
    {
        Add("first");
        Add("second");
        _queue.Start("first", Now, ["s"]);
        _queue.Change("first", job => job with { State = JobState.Paused });
        _queue.Resume("first");
        Assert.Equal("first", Assert.Single(_queue.Next()).JobId);
    }

    [Theory]
    [InlineData(JobState.Queued, JobState.Paused)]
    [InlineData(JobState.Running, JobState.Pausing)]
    [InlineData(JobState.Pausing, JobState.Pausing)]
    [InlineData(JobState.Paused, JobState.Paused)]
    [InlineData(JobState.Cancelling, null)]
    [InlineData(JobState.Succeeded, null)]
    [InlineData(JobState.Failed, null)]
    [InlineData(JobState.Cancelled, null)]
    public void Pausing(JobState from, JobState? to) => Check(from, to, () => _queue.Pause("job"));

    [Theory]
    [InlineData(JobState.Queued, JobState.Queued)]
    [InlineData(JobState.Running, JobState.Running)]
    [InlineData(JobState.Paused, JobState.Queued)]
    [InlineData(JobState.Failed, JobState.Queued)]
    [InlineData(JobState.Cancelled, JobState.Queued)]
    [InlineData(JobState.Pausing, null)]
    [InlineData(JobState.Cancelling, null)]
    [InlineData(JobState.Succeeded, null)]
    public void Resuming(JobState from, JobState? to) => Check(from, to, () => _queue.Resume("job"));

    [Theory]
    [InlineData(JobState.Queued, JobState.Cancelled)]
    [InlineData(JobState.Paused, JobState.Cancelled)]
    [InlineData(JobState.Running, JobState.Cancelling)]
    [InlineData(JobState.Pausing, JobState.Cancelling)]
    [InlineData(JobState.Cancelled, JobState.Cancelled)]
    [InlineData(JobState.Succeeded, null)]
    [InlineData(JobState.Failed, null)]
    public void Cancelling(JobState from, JobState? to) => Check(from, to, () =>
    {
        if (_queue.Cancel("job")) { _queue.End("job", JobState.Cancelled, null, Now); }
    });

    [Fact]
    public void A_run_directory_belongs_to_one_living_job()
    {
        Add("a", directory: "/runs/x");
        var refused = Assert.Throws<JobRefusedException>(() => Add("b", directory: "/runs/x"));
        Assert.Equal("run directory '/runs/x' belongs to job a, which is queued; name another, or act on that job.", refused.Message);
        _queue.End("a", JobState.Cancelled, null, Now);
        Add("b", directory: "/runs/x");
        Assert.Contains("belongs to job b now", Assert.Throws<JobRefusedException>(() => _queue.Resume("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_so_many_jobs_live_and_are_remembered()
    {
        for (int i = 0; i < GridLimits.LivingJobs; i++) { Add($"job-{i}"); }
        Assert.Contains("accepted are 1000", Assert.Throws<JobRefusedException>(() => Add("more")).Message, StringComparison.Ordinal);
        for (int i = 0; i < GridLimits.LivingJobs; i++) { Assert.Empty(_queue.End($"job-{i}", JobState.Cancelled, null, Now.AddSeconds(i))); }
        Add("late");
        Assert.Equal(["job-0"], _queue.End("late", JobState.Failed, new JobFailure(JobFailureKind.Numeric, new string('x', 9000)), Now.AddHours(1)));
        Assert.Null(_queue.Find("job-0"));
        Assert.InRange(_queue.Find("late")!.Failure!.Message.Length, 2000, 2010);
    }

    [Fact]
    public void Ids_are_new_ones_and_unknown_ones_are_named()
    {
        string first = _queue.NewId("quick", Now);
        Assert.Equal("quick-20260102-030405", first);
        Add(first);
        Assert.Equal("quick-20260102-030405-2", _queue.NewId("quick", Now));
        Assert.Equal("there is no job 'nobody' on this grid; ctwa jobs lists them.", Assert.Throws<JobRefusedException>(() => _queue.Pause("nobody")).Message);
        Assert.InRange(Assert.Throws<JobRefusedException>(() => _queue.Cancel(new string('x', 1 << 20))).Message.Length, 1, 300);
    }

    [Fact]
    public void A_list_of_any_length_comes_in_pages_that_fit_into_messages_and_leave_nothing_out()
    {
        for (int i = 0; i < 900; i++) { Add($"a-job-with-a-rather-long-name-{i}", directory: $"/a/folder/with/a/long/name/{new string('y', 200)}/{i}"); }
        var ids = new List<string>();
        for (long after = 0; ;)
        {
            var (jobs, more) = JobPages.After(_queue.State.Jobs, after);
            Assert.InRange(jobs.Sum(job => job.JobId.Length + job.RunDirectory.Length + job.SubmittedBy.Length), 1, GridLimits.AnswerBytes);
            ids.AddRange(jobs.Select(job => job.JobId));
            after = jobs[^1].Number;
            if (!more) { break; }
        }

        Assert.Equal(_queue.State.Jobs.Select(job => job.JobId), ids);
    }

    private void Check(JobState from, JobState? to, Action act)
    {
        Add("job");
        _queue.Change("job", job => job with { State = from });
        if (to is { } state)
        {
            act();
            Assert.Equal(state, _queue.Find("job")!.State);
        }
        else
        {
            Assert.StartsWith($"job job is {from.ToString().ToLowerInvariant()} and cannot be ", Assert.Throws<JobRefusedException>(act).Message, StringComparison.Ordinal);
            Assert.Equal(from, _queue.Find("job")!.State);
        }
    }

    private void Add(string id, int priority = 0, string? directory = null) => _queue.Add(number => new JobRecord
    {
        JobId = id,
        Number = number,
        RunDirectory = directory ?? "/runs/" + id,
        SpecSha256 = "",
        SubmittedBy = "local",
        SubmittedAt = Now,
        Priority = priority,
        RequestId = id,
    });
}
