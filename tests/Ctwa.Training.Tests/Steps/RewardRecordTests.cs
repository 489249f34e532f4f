using System.Text.Json;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Invariant I7: what the world says is recorded before it is used, and a redo reads the record.</summary>
public sealed class RewardRecordTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    private static JobSpec Job()
    {
        var job = TinyJobs.Arithmetic(steps: 4, warmStartSteps: 0, hidden: 8);
        return job with
        {
            Objectives = [job.Objectives[0] with { OnFailure = FailurePolicy.DropSample, Retries = 0 }, job.Objectives[1], job.Objectives[2]],
            Rollout = new RolloutSpec { PromptsPerStep = 3, SamplesPerPrompt = 4, MaxNewTokens = 8 },
            Update = new UpdateSpec { MicroBatchSize = 5 },
            Schedule = job.Schedule with { ValidationPrompts = 3, CheckpointEvery = 3 },
        };
    }

    /// <summary>Answers depend on how often it was asked before, and on nothing else; now and then it fails.</summary>
    private static ScriptedReward Fickle() => new((call, _) => (call * 2654435761L % 97) switch
    {
        < 5 => double.NaN,
        < 10 => throw new TimeoutException("grader is busy"),
        var remainder => remainder / 97.0,
    });

    private static IReward[] With(IReward fickle) => [fickle, new ConcisenessReward(), new ClarityReward()];

    [Fact]
    public async Task A_reward_that_changes_its_answers_is_asked_once_per_sample_however_often_the_run_is_aborted()
    {
        var once = Fickle();
        FaultyBackend? counter = null;
        var whole = new RunFolder(Path.Combine(_folder, "whole"), Job());
        await whole.AttemptAsync(backend => counter = new FaultyBackend(backend), rewards: With(once));
        var expected = RunTrace.Of(whole);
        Assert.Contains("\"samples/dropped\":1", expected.Metrics, StringComparison.Ordinal);

        for (int call = 2; call <= counter!.Calls; call += 5)
        {
            var reward = Fickle();
            var run = new RunFolder(Path.Combine(_folder, $"aborted-{call}"), Job());
            await Assert.ThrowsAsync<AbortException>(() => run.AttemptAsync(backend => new FaultyBackend(backend, before: (number, what) => { if (number == call) { throw new AbortException(what); } }), rewards: With(reward)));
            Assert.Equal(expected, await run.FinishAsync(With(reward)));
            Assert.Equal(once.Calls, reward.Calls);
        }
    }

    [Fact]
    public async Task Scores_and_failures_are_on_disk_before_they_are_used()
    {
        var run = new RunFolder(Path.Combine(_folder, "a"), Job());
        int step = 0, seen = 0;
        void Look(int number, string what)
        {
            if (what == "generate") { step = run.Observer.Lines.Count; }
            if (what != "accumulate") { return; }
            using var record = JsonDocument.Parse(File.ReadAllBytes(run.In("scores", $"sampling-{step:D6}.json")));
            var columns = record.RootElement.GetProperty("columns").EnumerateArray().ToArray();
            Assert.Equal(["accuracy", "conciseness", "clarity"], columns.Select(column => column.GetProperty("objective").GetString()));
            var scores = columns[0].GetProperty("scores").EnumerateArray().ToArray();
            Assert.Equal(12, scores.Length);
            Assert.Equal(scores.Count(score => score.ValueKind == JsonValueKind.Null), columns[0].GetProperty("failures").EnumerateObject().Count());
            seen++;
        }

        await run.AttemptAsync(backend => new FaultyBackend(backend, before: Look), rewards: With(Fickle()));
        Assert.Equal(4, seen);
    }

    [Fact]
    public async Task A_damaged_record_is_not_believed_and_the_rewards_are_asked_again()
    {
        var run = new RunFolder(Path.Combine(_folder, "a"), Job());
        var expected = await run.FinishAsync();
        var again = new RunFolder(Path.Combine(_folder, "b"), Job());
        await Assert.ThrowsAsync<AbortException>(() => again.AttemptAsync(backend => new FaultyBackend(backend, before: (number, what) => { if (what == "apply") { throw new AbortException(what); } })));
        string path = again.In("scores", "sampling-000001.json");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..40]);
        Assert.Equal(expected, await again.FinishAsync());
        Assert.Contains(again.Observer.Warnings, warning => warning.Contains(path, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_record_of_other_completions_is_not_used()
    {
        var run = new RunFolder(Path.Combine(_folder, "a"), Job());
        var expected = await run.FinishAsync();
        var again = new RunFolder(Path.Combine(_folder, "b"), Job());
        await Assert.ThrowsAsync<AbortException>(() => again.AttemptAsync(backend => new FaultyBackend(backend, before: (number, what) => { if (what == "apply") { throw new AbortException(what); } })));
        string path = again.In("scores", "sampling-000001.json");
        string record = File.ReadAllText(path);
        int first = record.IndexOf('[', StringComparison.Ordinal) + 1, end = record.IndexOf(',', first);
        File.WriteAllText(path, record[..first] + "1" + record[end..]);
        Assert.Equal(expected, await again.FinishAsync());
        Assert.Contains(again.Observer.Warnings, warning => warning.Contains("other completions", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Records_that_no_resume_can_ask_for_are_deleted()
    {
        var run = new RunFolder(Path.Combine(_folder, "a"), Job() with { Schedule = Job().Schedule with { CheckpointEvery = 1, Keep = 2 } });
        await run.FinishAsync();
        Assert.Equal(["step-000003", "step-000004"], run.Checkpoints.Complete().Select(Path.GetFileName));
        Assert.Equal(["sampling-000003.json", "sampling-000004.json", "validation-000004.json"], Directory.GetFiles(run.In("scores")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
