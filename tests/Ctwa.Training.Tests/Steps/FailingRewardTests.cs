using System.Text.Json;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Rewards that throw or return NaN: each failure policy, in a whole run.</summary>
public sealed class FailingRewardTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    private static readonly string[] Ways = ["throws", "NaN", "infinity"];

    public static TheoryData<string> WaysToFail => new(Ways);

    private static JobSpec Job(FailurePolicy policy, int validateEvery = 0)
    {
        var job = TinyJobs.Arithmetic(steps: 2, warmStartSteps: 0, hidden: 8);
        return job with
        {
            Objectives = [job.Objectives[0] with { OnFailure = policy, Retries = 1, SubstituteScore = 0.5 }, job.Objectives[1], job.Objectives[2]],
            Rollout = new RolloutSpec { PromptsPerStep = 4, SamplesPerPrompt = 4, MaxNewTokens = 8 },
            Update = new UpdateSpec { PromptsPerUpdate = 2, MicroBatchSize = 5 },
            Schedule = job.Schedule with { ValidateEvery = validateEvery, CheckpointEvery = 1, ValidationPrompts = 3, ValidationSamples = 1 },
        };
    }

    private static double Fail(string way) => way switch { "throws" => throw new InvalidOperationException("grader is away"), "NaN" => double.NaN, _ => double.PositiveInfinity };

    private static int Digest(ScoredCompletion completion) => completion.Response.Sum(character => character);

    private static double Good(ScoredCompletion completion) => Digest(completion) % 3 / 2.0;

    private static IReward[] Rewards(Func<ScoredCompletion, double> score) => [new ScriptedReward((_, completion) => score(completion)), new ConcisenessReward(), new ClarityReward()];

    [Theory]
    [MemberData(nameof(WaysToFail))]
    public async Task Under_fail_the_run_ends_naming_objective_and_sample_and_continues_once_the_reward_is_mended(string way)
    {
        var expected = await Run("whole", FailurePolicy.Fail).FinishAsync(Rewards(Good));
        var run = Run("a", FailurePolicy.Fail);
        int calls = 0;
        var broken = new ScriptedReward((_, completion) => ++calls > 16 + 5 ? Fail(way) : Good(completion));
        var error = await Assert.ThrowsAsync<RewardFailureException>(() => run.AttemptAsync(rewards: [broken, new ConcisenessReward(), new ClarityReward()]));
        Assert.Equal(("accuracy", 5), (error.Objective, error.Sample));
        Assert.Contains("'accuracy' could not score sample 5", error.Message, StringComparison.Ordinal);
        Assert.Contains(way switch { "throws" => "grader is away", "NaN" => "NaN", _ => "Infinity" }, error.Message, StringComparison.Ordinal);
        Assert.Single(run.Observer.Lines);

        Assert.Equal(expected, await run.FinishAsync(Rewards(Good)));
    }

    [Theory]
    [MemberData(nameof(WaysToFail))]
    public async Task Under_drop_sample_the_sample_leaves_and_the_other_objectives_keep_their_scores(string way)
    {
        await Run("whole", FailurePolicy.DropSample).FinishAsync(Rewards(Good));
        var run = Run("a", FailurePolicy.DropSample);
        await run.FinishAsync(Rewards(completion => Digest(completion) % 2 == 0 ? Fail(way) : Good(completion)));

        var (whole, failed) = (FirstRecord("whole"), FirstRecord("a"));
        Assert.Equal(whole[1], failed[1]);
        Assert.Equal(whole[2], failed[2]);
        int dropped = failed[0].Count(score => score is null);
        Assert.InRange(dropped, 1, 15);
        Assert.All(whole[0].Zip(failed[0]), pair => Assert.True(pair.Second is null || pair.First == pair.Second));

        using var line = JsonDocument.Parse(run.Observer.Lines[0]);
        Assert.Equal(dropped, Number(line, "reward/failures/accuracy"));
        Assert.Equal(dropped, Number(line, "samples/dropped"));
        Assert.Equal(0, Number(line, "reward/failures/clarity"));
        double[] kept = [.. failed[2].Where((_, sample) => failed[0][sample] is not null).Select(score => score!.Value)];
        Assert.Equal(kept.Average(), Number(line, "objective/clarity/mean"), 12);
        Assert.Contains(run.Observer.Warnings, warning => warning.Contains($"objective 'accuracy' failed on {dropped} samples", StringComparison.Ordinal) && warning.Contains("dropped", StringComparison.Ordinal));
        Assert.Contains("\"dropped\":true", File.ReadAllText(run.In("samples", "step-000001.jsonl")), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(WaysToFail))]
    public async Task Under_substitute_the_declared_score_stands_in_and_is_counted(string way)
    {
        await Run("whole", FailurePolicy.Substitute).FinishAsync(Rewards(completion => Digest(completion) % 2 == 0 ? 0.5 : Good(completion)));
        var run = Run("a", FailurePolicy.Substitute);
        await run.FinishAsync(Rewards(completion => Digest(completion) % 2 == 0 ? Fail(way) : Good(completion)));

        // The same weights as if the reward had said 0.5 itself.
        Assert.Equal(RunTrace.Of(Run("whole", FailurePolicy.Substitute)).Weights, RunTrace.Of(run).Weights);
        using var line = JsonDocument.Parse(run.Observer.Lines[0]);
        Assert.Equal(FirstRecord("a")[0].Count(score => score is null), Number(line, "reward/failures/accuracy"));
        Assert.Equal(0, Number(line, "samples/dropped"));
        Assert.Contains(run.Observer.Warnings, warning => warning.Contains("substitute_score", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ctwa", AdvantageEstimator.ReinforcePlusPlus)]
    [InlineData("ctwa reference", AdvantageEstimator.ReinforcePlusPlus)]
    [InlineData("linear", AdvantageEstimator.Grpo)]
    public async Task A_step_whose_samples_are_all_dropped_changes_neither_weights_nor_method(string method, AdvantageEstimator estimator)
    {
        var job = Job(FailurePolicy.DropSample) with
        {
            Advantage = new AdvantageSpec { Estimator = estimator },
            Scalarizer = method switch { "ctwa" => new CtwaScalarizerSpec(), "linear" => new LinearScalarizerSpec(), _ => new CtwaScalarizerSpec { Mode = MethodMode.Reference, Targets = new(0.15) } },
        };
        var untrained = new RunFolder(Path.Combine(_folder, "untrained"), job with { Schedule = job.Schedule with { Steps = 0 } });
        var start = await untrained.FinishAsync(Rewards(Good));
        var run = new RunFolder(Path.Combine(_folder, "a"), job);
        var end = await run.FinishAsync(Rewards(_ => Fail("NaN")));
        Assert.Equal((start.Weights, start.Optimizer), (end.Weights, end.Optimizer));
        Assert.Equal(Scalarizer(start.State), Scalarizer(end.State));
        Assert.DoesNotContain("NaN", end.State, StringComparison.Ordinal);
        Assert.Equal(2, run.Observer.Lines.Count);
        foreach (string text in run.Observer.Lines)
        {
            using var line = JsonDocument.Parse(text);
            Assert.Equal((16, 0), (Number(line, "samples/dropped"), Number(line, "updates")));
            Assert.False(line.RootElement.TryGetProperty("weight/accuracy", out _));
        }
    }

    [Fact]
    public async Task Held_out_prompts_that_are_all_dropped_before_the_first_step_are_an_error()
    {
        var run = new RunFolder(Path.Combine(_folder, "a"), Job(FailurePolicy.DropSample, validateEvery: 1));
        var error = await Assert.ThrowsAsync<NumericFailureException>(() => run.AttemptAsync(rewards: Rewards(_ => Fail("NaN"))));
        Assert.Contains("every held-out sample was dropped", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Held_out_prompts_that_are_all_dropped_later_leave_a_gap_and_a_warning()
    {
        var run = new RunFolder(Path.Combine(_folder, "a"), Job(FailurePolicy.DropSample, validateEvery: 1));
        int calls = 0;
        await run.AttemptAsync(rewards: Rewards(completion => ++calls > 3 + 16 ? Fail("NaN") : Good(completion)));
        using var line = JsonDocument.Parse(run.Observer.Lines[1]);
        Assert.Equal(0, Number(line, "validation/samples"));
        Assert.False(line.RootElement.TryGetProperty("validation/clarity/mean", out _));
        Assert.Contains(run.Observer.Warnings, warning => warning.Contains("without a comparison", StringComparison.Ordinal));
        Assert.DoesNotContain("verdict", run.Observer.LastSummary, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static double Number(JsonDocument line, string name) => line.RootElement.GetProperty(name).GetDouble();

    private static string Scalarizer(string state)
    {
        using var document = JsonDocument.Parse(state);
        return document.RootElement.GetProperty("scalarizer").GetRawText();
    }

    private RunFolder Run(string folder, FailurePolicy policy) => new(Path.Combine(_folder, folder), Job(policy));

    /// <summary>Recorded scores of step 1, shape [M][B].</summary>
    private double?[][] FirstRecord(string folder)
    {
        // The checkpoint of step 1 is kept, and with it the record of that step.
        var kept = new RunFolder(Path.Combine(_folder, folder), Job(FailurePolicy.DropSample));
        using var record = JsonDocument.Parse(File.ReadAllBytes(kept.In("scores", "sampling-000001.json")));
        return [.. record.RootElement.GetProperty("columns").EnumerateArray().Select(column => column.GetProperty("scores").EnumerateArray()
            .Select(score => score.ValueKind == JsonValueKind.Null ? (double?)null : score.GetDouble()).ToArray())];
    }
}
