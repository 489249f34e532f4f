using Ctwa.Grains.Abstractions;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Grains.Tests.Coordination;

/// <summary>Whole jobs on a silo in this process.</summary>
public sealed class GridTests : IDisposable
{
    private readonly GridJobs _jobs = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, bool> Cases { get; } = new(
        from odd in (bool[])[false, true]
        from method in (string[])["linear", "ctwa", "ctwa reference"]
        select new TheoryDataRow<string, bool>(method, odd));

    [Theory, MemberData(nameof(Cases))]
    public async Task The_grid_equals_the_local_trainer_bit_for_bit_with_any_number_of_lanes(string method, bool odd)
    {
        var spec = _jobs.Read(ExactnessJobs.Create(method, odd));
        var local = await _jobs.TrainLocallyAsync(spec, "local");
        foreach (int lanes in (int[])[1, 3])
        {
            await using var silo = await TestSilo.StartAsync(lanes);
            var coordinator = silo.Grains.GetGrain<ICoordinatorGrain>($"lanes-{lanes}");
            Assert.Null(await coordinator.Submit(_jobs.Submission(spec, $"lanes-{lanes}"), Token));
            var (end, events) = await GridJobs.WatchAsync(coordinator, Token);
            Assert.Equal((JobStatus.Succeeded, null), (end.Status, end.Failure));
            Assert.Equal(JobEventKind.Summary, events[^1].Kind);
            Assert.Equal(Enumerable.Range(1, events.Length), events.Select(e => (int)e.Sequence));
            Assert.Equal(local.ModelHash, _jobs.Run($"lanes-{lanes}").ModelHash);
            Assert.Equal(local.History, _jobs.Run($"lanes-{lanes}").History);
        }
    }

    // Without this, an option that nobody reads would make the theory above compare one job with itself.
    [Fact]
    public async Task Methods_and_sizes_differ_in_their_weights()
    {
        var hashes = new HashSet<string>();
        foreach (var job in ExactnessJobs.All) { Assert.True(hashes.Add((await _jobs.TrainLocallyAsync(_jobs.Read(job), job.Name)).ModelHash), job.Name); }
    }

    [Fact]
    public async Task A_job_submitted_twice_runs_once_and_a_stopped_one_goes_on_to_the_same_weights()
    {
        var spec = _jobs.Read(ExactnessJobs.Create("ctwa", odd: true));
        var local = await _jobs.TrainLocallyAsync(spec, "local");
        await using var silo = await TestSilo.StartAsync(lanes: 2);
        var first = silo.Grains.GetGrain<ICoordinatorGrain>("first");
        Assert.Null(await first.Submit(_jobs.Submission(spec, "run"), Token));
        Assert.Null(await first.Submit(_jobs.Submission(spec, "run"), Token));
        while (!(await first.Watch(0, Token)).Events.Any(e => e.Kind == JobEventKind.SupervisedStep)) { }
        await first.Stop(Token);
        Assert.Equal(JobStatus.Stopped, (await GridJobs.WatchAsync(first, Token)).End.Status);

        // The stopped job holds its lock no longer: another coordinator may continue in the same silo.
        var second = silo.Grains.GetGrain<ICoordinatorGrain>("second");
        Assert.Null(await second.Submit(_jobs.Submission(spec, "run", resume: true), Token));
        var (end, _) = await GridJobs.WatchAsync(second, Token);
        Assert.Equal((JobStatus.Succeeded, null), (end.Status, end.Failure));
        Assert.Equal(local.ModelHash, _jobs.Run("run").ModelHash);
        Assert.Equal(local.History, _jobs.Run("run").History);
    }

    [Fact]
    public async Task Refusals_and_failures_have_their_kind()
    {
        var spec = _jobs.Read(ExactnessJobs.Create("linear", odd: false));
        await using var silo = await TestSilo.StartAsync(lanes: 1);
        var unknown = silo.Grains.GetGrain<ICoordinatorGrain>("unknown");
        Assert.Equal(JobStatus.Unknown, (await unknown.Watch(0, Token)).Status);
        Assert.Equal(JobFailureKind.BadInput, (await unknown.Submit(new JobSubmission("{", _jobs.Folder, false), Token))!.Kind);
        var missing = await unknown.Submit(_jobs.Submission(spec, "nowhere", resume: true), Token);
        Assert.Equal(JobFailureKind.Storage, missing!.Kind);

        var overlong = silo.Grains.GetGrain<ICoordinatorGrain>("overlong");
        Assert.Null(await overlong.Submit(_jobs.Submission(spec with { Data = spec.Data with { MaxPromptTokens = 2 } }, "overlong"), Token));
        var (end, _) = await GridJobs.WatchAsync(overlong, Token);
        Assert.Equal((JobStatus.Failed, JobFailureKind.BadInput), (end.Status, end.Failure!.Kind));
        Assert.Contains("data.max_prompt_tokens is 2", end.Failure.Message, StringComparison.Ordinal);

        var exploding = silo.Grains.GetGrain<ICoordinatorGrain>("exploding");
        var optimizer = new OptimizerSpec { LearningRate = 10, WeightDecay = 10, GradClip = 0 };
        Assert.Null(await exploding.Submit(_jobs.Submission(spec with { WarmStart = spec.WarmStart! with { Steps = 200, Optimizer = optimizer } }, "exploding"), Token));
        Assert.Equal(JobFailureKind.Numeric, (await GridJobs.WatchAsync(exploding, Token)).End.Failure?.Kind);
    }

    public void Dispose() => _jobs.Dispose();
}
