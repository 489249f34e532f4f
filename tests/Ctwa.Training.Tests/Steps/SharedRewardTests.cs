using System.Text.Json;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Graders outside this code in whole runs: asked once per completion for all objectives, and never again for what is recorded.</summary>
public sealed class SharedRewardTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    // Answers depend on how often it was asked, over all of its starts.
    private const string Counting = """
        for item in requests():
            with open("asked.txt", "a") as file:
                file.write(json.dumps([item["prompt"], item["response"]]) + "\n")
            asked = sum(1 for _ in open("asked.txt"))
            if asked == 7:
                os.kill(os.getpid(), signal.SIGKILL)
            reply(id=item["id"], scores={"brevity": 1 / (1 + len(item["response"])), "luck": asked * 37 % 101 / 101})
        """;

    private static JobSpec Job(PythonGrader grader)
    {
        var job = TinyJobs.Arithmetic(steps: 3, warmStartSteps: 0, hidden: 8);
        return job with
        {
            RewardModels = [new RewardModelSpec { Name = "judge", Reward = grader.Spec, Retries = 3, Timeout = "20s" }],
            Objectives =
            [
                new ObjectiveSpec { Name = "brevity", Reward = new SharedRewardSpec { Source = "judge", Output = "brevity" } },
                job.Objectives[0],
                new ObjectiveSpec { Name = "luck", Reward = new SharedRewardSpec { Source = "judge", Output = "luck" }, OnFailure = FailurePolicy.DropSample },
                new ObjectiveSpec { Name = "length", Reward = new LengthRewardSpec { MaxTokens = 12, Window = 4 } },
            ],
            Scalarizer = new LinearScalarizerSpec(),
            Rollout = new RolloutSpec { PromptsPerStep = 3, SamplesPerPrompt = 2, MaxNewTokens = 8 },
            Update = new UpdateSpec { MicroBatchSize = 5 },
            Schedule = job.Schedule with { ValidationPrompts = 2, ValidationSamples = 2, ValidateEvery = 3, CheckpointEvery = 3 },
        };
    }

    [Fact]
    public async Task One_call_serves_all_objectives_and_a_redo_after_an_abort_does_not_ask_again()
    {
        using var grader = new PythonGrader(Counting);
        var job = Job(grader);
        FaultyBackend? counter = null;
        var whole = new RunFolder(Path.Combine(_folder, "whole"), job);
        await whole.AttemptAsync(backend => counter = new FaultyBackend(backend));
        int asked = grader.Lines("asked.txt").Length;

        // Three steps of six completions; four held-out ones before and after, of which the closing report reads the record; the
        // seventh was asked twice because the grader died on it.
        Assert.Equal((3 * 6) + 4 + 4 + 1, asked);
        using (var record = JsonDocument.Parse(File.ReadAllBytes(whole.In("scores", "sampling-000003.json"))))
        {
            var columns = record.RootElement.GetProperty("columns").EnumerateArray().ToArray();
            Assert.Equal(["brevity", "accuracy", "luck", "length"], columns.Select(column => column.GetProperty("objective").GetString()));
            Assert.All(columns, column => Assert.All(column.GetProperty("scores").EnumerateArray(), score => Assert.Equal(JsonValueKind.Number, score.ValueKind)));
        }

        var expected = RunTrace.Of(whole);
        for (int call = 3; call <= counter!.Calls; call += 7)
        {
            using var another = new PythonGrader(Counting);
            var run = new RunFolder(Path.Combine(_folder, $"aborted-{call}"), Job(another));
            await Assert.ThrowsAsync<AbortException>(() => run.AttemptAsync(backend => new FaultyBackend(backend, before: (number, what) => { if (number == call) { throw new AbortException(what); } })));
            var trace = await run.FinishAsync();
            Assert.Equal(asked, another.Lines("asked.txt").Length);
            Assert.Equal((expected.Weights, expected.State), (trace.Weights, trace.State));
        }
    }

    [Fact]
    public async Task An_output_that_is_not_there_is_a_failure_of_its_objective_alone()
    {
        using var grader = new PythonGrader("""
            for item in requests():
                reply(id=item["id"], scores={"brevity": 0.5})
            """);
        var run = new RunFolder(Path.Combine(_folder, "a"), Job(grader) with { Schedule = new ScheduleSpec { Steps = 1, ValidateEvery = 0, CheckpointEvery = 1 } });
        await run.AttemptAsync();
        using var record = JsonDocument.Parse(File.ReadAllBytes(run.In("scores", "sampling-000001.json")));
        var columns = record.RootElement.GetProperty("columns").EnumerateArray().ToArray();
        Assert.Empty(columns[0].GetProperty("failures").EnumerateObject());
        Assert.Equal(6, columns[2].GetProperty("failures").EnumerateObject().Count());
        Assert.Equal("judge gave no output 'luck'; it gave: brevity", columns[2].GetProperty("failures").GetProperty("0").GetString());
    }

    [Fact]
    public async Task A_model_as_a_reward_trains_the_same_bits_twice()
    {
        string classifier = Directory.CreateDirectory(Path.Combine(_folder, "classifier")).FullName;
        ClassifierFolder.Write(classifier, labels: 2);
        var job = TinyJobs.Arithmetic(steps: 2, warmStartSteps: 0, hidden: 8);
        job = job with
        {
            RewardModels = [new RewardModelSpec { Name = "judge", Reward = new ModelRewardSpec { Path = classifier, Activation = ScoreActivation.Sigmoid, BatchTokens = 64 } }],
            Objectives = [new ObjectiveSpec { Name = "a", Reward = new SharedRewardSpec { Source = "judge", Index = 0 } }, new ObjectiveSpec { Name = "b", Reward = new SharedRewardSpec { Source = "judge", Output = "LABEL_1" } }, job.Objectives[2]],
            Scalarizer = new LinearScalarizerSpec(),
        };
        var first = await new RunFolder(Path.Combine(_folder, "first"), job).FinishAsync();
        Assert.Equal(first, await new RunFolder(Path.Combine(_folder, "second"), job).FinishAsync());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
