using System.Collections.Immutable;
using System.Diagnostics;
using Ctwa.Grains.Abstractions;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Rewards;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Grains.Tests.Rewards;

/// <summary>Rewards that misbehave are answers, not exceptions, and never hold the job up.</summary>
public sealed class RewardModelGrainTests : IDisposable
{
    private readonly GridJobs _jobs = new();

    [Fact]
    public async Task Exceptions_and_numbers_that_are_none_are_failures_with_their_reason_after_retries()
    {
        int calls = 0;
        var column = await ScoreAsync(new Reward(completion => completion.Response switch
        {
            "throws" => throw new InvalidOperationException("grader is down"),
            "nan" => double.NaN,
            "late" => ++calls == 1 ? throw new TimeoutException() : 0.5,
            _ => 1,
        }), ["fine", "throws", "nan", "late"]);
        Assert.Equal([1, null, null, 0.5], column.Scores);
        Assert.Equal([null, "InvalidOperationException: grader is down", "the score is NaN, not a finite number", null], column.Failures);
        Assert.Equal([0, 1, 1, 1], column.Retries);
    }

    [Fact]
    public async Task A_reward_that_hangs_fails_after_its_limit_and_the_others_have_their_scores()
    {
        using var never = new ManualResetEventSlim();
        var column = await ScoreAsync(new Reward(completion =>
        {
            if (completion.Response == "hangs") { never.Wait(TimeSpan.FromMinutes(1)); }
            return 1;
        }), ["hangs", "fine", "hangs", "fine"]).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        never.Set();
        Assert.Equal([null, 1, null, 1], column.Scores);
        Assert.Equal("no score within 0.3 s", column.Failures[0]);
    }

    [Fact]
    public async Task The_limit_is_of_one_call_and_not_of_a_batch_that_waits_for_threads()
    {
        var column = await ScoreAsync(new Reward(_ =>
        {
            Thread.Sleep(40);
            return 1;
        }), [.. Enumerable.Repeat("slow", 60)]);
        Assert.DoesNotContain(null, column.Scores);
    }

    [Fact]
    public async Task No_call_lasts_as_long_as_a_slow_reward_and_a_batch_asked_for_twice_is_scored_once()
    {
        int calls = 0;
        var slow = new Reward(_ =>
        {
            Interlocked.Increment(ref calls);
            Thread.Sleep(4500);
            return 1;
        });
        var spec = _jobs.Read(ExactnessJobs.Create("linear", odd: false));
        await using var silo = await TestSilo.StartAsync(lanes: 1);
        silo.Hosts.Open("job", PreparedJob.Prepare(spec, _jobs.Folder, [slow, slow, slow]));
        var grain = silo.Grains.GetGrain<IRewardModelGrain>("job/0");
        var batch = new ScoreBatch([new ScoreItem("prompt", "response", 3, "3")], ReferenceLength: 5);
        for (int call = 0; call < 2; call++)
        {
            var clock = Stopwatch.StartNew();
            var report = await (call == 0 ? grain.Start("a", batch, TestContext.Current.CancellationToken) : grain.Poll("a", TestContext.Current.CancellationToken));
            Assert.Equal(WorkStatus.Running, report.Status);
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(3), $"call {call} took {clock.Elapsed}");
        }

        Assert.Equal([1], Assert.Single(await PollAsync(grain, "a", batch)).Scores);
        Assert.Equal(1, calls);
        Assert.Equal(WorkStatus.Unknown, (await grain.Poll("b", TestContext.Current.CancellationToken)).Status);
    }

    [Fact]
    public async Task A_job_that_is_opened_again_is_answered_anew()
    {
        int calls = 0;
        var counting = new Reward(_ => Interlocked.Increment(ref calls));
        var spec = _jobs.Read(ExactnessJobs.Create("linear", odd: false));
        await using var silo = await TestSilo.StartAsync(lanes: 1);
        var grain = silo.Grains.GetGrain<IRewardModelGrain>("job/0");
        var batch = new ScoreBatch([new ScoreItem("prompt", "response", 3, "3")], ReferenceLength: 5);
        for (int attempt = 1; attempt <= 2; attempt++)
        {
            silo.Hosts.Open("job", PreparedJob.Prepare(spec, _jobs.Folder, [counting, counting, counting]));
            Assert.Equal([attempt], Assert.Single(await PollAsync(grain, "a", batch)).Scores);
            silo.Hosts.Close("job");
        }
    }

    public void Dispose() => _jobs.Dispose();

    private async Task<ScoreColumnMessage> ScoreAsync(IReward reward, string[] responses)
    {
        var spec = _jobs.Read(ExactnessJobs.Create("linear", odd: false));
        spec = spec with { Objectives = [.. spec.Objectives.Select(objective => objective with { Timeout = "300ms", Retries = 1 })] };
        await using var silo = await TestSilo.StartAsync(lanes: 1);
        silo.Hosts.Open("job", PreparedJob.Prepare(spec, _jobs.Folder, [reward, reward, reward]));
        var batch = new ScoreBatch([.. responses.Select(response => new ScoreItem("prompt", response, 3, "3"))], ReferenceLength: 5);
        return Assert.Single(await PollAsync(silo.Grains.GetGrain<IRewardModelGrain>("job/1"), "batch", batch));
    }

    private static async Task<ImmutableArray<ScoreColumnMessage>> PollAsync(IRewardModelGrain grain, string key, ScoreBatch batch)
    {
        await grain.Start(key, batch, TestContext.Current.CancellationToken);
        while (true)
        {
            var report = await grain.Poll(key, TestContext.Current.CancellationToken);
            if (report.Status != WorkStatus.Running)
            {
                Assert.Equal((WorkStatus.Done, null), (report.Status, report.Error));
                return report.Columns;
            }
        }
    }

    private sealed class Reward(Func<ScoredCompletion, double> score) : IReward
    {
        public double Score(in ScoredCompletion completion, in RewardContext context) => score(completion);
    }
}
