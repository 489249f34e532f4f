using System.Text.Json.Nodes;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Losses;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Runs with values, penalties in the reward and greedy baselines.</summary>
public sealed class EstimatorRunTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    [Fact]
    public async Task The_value_head_learns_in_checkpoints_beside_the_policy_and_not_in_its_model()
    {
        var run = Run("gae", Small(6) with { Advantage = Gae, Loss = new LossSpec { Value = new ValueLossSpec { LearningRate = 0.05, Clip = 0 } } });
        await run.FinishAsync([One, One, One]);
        double[] losses = [.. Steps(run).Select(line => line["value/loss"]!.GetValue<double>())];
        Assert.True(losses[^1] < 0.8 * losses[0], $"value losses: {string.Join(", ", losses)}");
        string last = run.Checkpoints.Complete()[^1];
        using var model = SafetensorsReader.Open(Path.Combine(last, "model.safetensors"));
        Assert.DoesNotContain(model.Names, name => name.Contains("value", StringComparison.Ordinal));
        using var head = SafetensorsReader.Open(Path.Combine(last, "value_head.safetensors"));
        Assert.Equal(["exp_avg.value_head.bias", "exp_avg.value_head.weight", "exp_avg_sq.value_head.bias", "exp_avg_sq.value_head.weight", "value_head.bias", "value_head.weight"], head.Names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_head_that_only_reads_leaves_the_policy_alone_and_one_that_trains_it_does_not()
    {
        // One update: what the head learns in it cannot come back as another advantage.
        async Task<string> Weights(string name, ValueLossSpec value) => (await Run(name, Small(1) with { Advantage = Gae, Loss = new LossSpec { Value = value } }).FinishAsync()).Weights;
        string still = await Weights("still", new ValueLossSpec { LearningRate = 0 });
        Assert.Equal(still, await Weights("reads", new ValueLossSpec { LearningRate = 0.1 }));

        // From zero weights no gradient comes back either; a second update's does.
        async Task<string> Two(string name, ValueLossSpec value) => (await Run(name, Small(1) with { Advantage = Gae, Update = new UpdateSpec { MicroBatchSize = 5, Epochs = 2 }, Loss = new LossSpec { Value = value } }).FinishAsync()).Weights;
        Assert.NotEqual(await Two("two reads", new ValueLossSpec { LearningRate = 0.1 }), await Two("two trains", new ValueLossSpec { LearningRate = 0.1, Coefficient = 1 }));
    }

    [Fact]
    public async Task The_supervised_stage_of_a_job_with_values_is_that_of_the_job_without()
    {
        var gae = Run("with", Small(1) with { Advantage = Gae });
        var plain = Run("without", Small(1));
        await gae.FinishAsync();
        await plain.FinishAsync();
        string[] Supervised(RunFolder run) => [.. run.Observer.Lines.Where(line => line.Contains("supervised", StringComparison.Ordinal)).Select(line => JsonNode.Parse(line)!["gradient/norm"]!.ToJsonString())];
        Assert.NotEmpty(Supervised(plain));
        Assert.Equal(Supervised(plain), Supervised(gae));
    }

    [Fact]
    public async Task The_adaptive_coefficient_follows_the_divergence_it_reports()
    {
        var penalty = new RewardKlSpec { Coefficient = 0.1, Controller = KlController.Adaptive, Target = 0.002, Horizon = 48 };
        var run = Run("adaptive", Small(6) with { RewardKl = penalty });
        await run.FinishAsync();
        var state = RewardKlState.Initial(penalty);
        foreach (var line in Steps(run))
        {
            Assert.Equal(state.Coefficient, line["reward_kl/coefficient"]!.GetValue<double>());
            state = state.Next(penalty, line["reward_kl/divergence"]!.GetValue<double>(), 24);
        }

        Assert.NotEqual(penalty.Coefficient, state.Coefficient);
        Assert.Equal(state.Coefficient, JsonNode.Parse(File.ReadAllText(run.In("state.json")))!["reward_kl"]!["coefficient"]!.GetValue<double>());
    }

    [Fact]
    public async Task A_penalty_and_greedy_completions_enter_the_advantages_as_numbers_per_completion()
    {
        var signals = new StepSignals
        {
            Step = 1, Scores = new double[,] { { 1, 0, 0 }, { 0, 1, 1 }, { 1, 1, 1 }, { 0, 0, 0 } }, Groups = [0, 0, 1, 1], Lengths = [2, 4, 1, 5], Valid = [true, true, true, false], LearningRate = 1e-3,
        };
        var penalty = RewardPenalty.Of(0.5, [0.4, 0.8, 0.2, 9], signals);
        Assert.Equal(((0.4 / 2) + (0.8 / 4) + (0.2 / 1)) / 3, penalty.Mean, 1e-12);
        double[] rewards = [1, 0, 1, 0];
        async Task<double[]> Advantages(AdvantageEstimator estimator, GreedyScores? greedy)
        {
            var job = PreparedJob.Prepare(Small(1) with { Advantage = new AdvantageSpec { Estimator = estimator } }, _folder);
            using var backend = new LocalBackend(job);
            var advantages = new StepAdvantages(job, backend, default, signals, greedy, penalty);
            return (await advantages.OfScalarAsync(rewards, 0, job.Scalarizer!.Initial(), TestContext.Current.CancellationToken)).Value;
        }

        // RLOO of 1 − 0.2 and 0 − 0.4; the third is alone in its group, the fourth was dropped.
        double[] rloo = await Advantages(AdvantageEstimator.Rloo, null);
        Assert.Equal([1.2, -1.2, 0, 0], rloo.Select(value => Math.Round(value, 12)));

        // The equally weighted greedy scores are 1/3 and, dropped, nothing.
        double[] remax = await Advantages(AdvantageEstimator.Remax, new GreedyScores(new double[,] { { 1, 0, 0 }, { 1, 1, 1 } }, [true, false], [3, 3]));
        Assert.Equal([Math.Round(0.8 - (1.0 / 3), 12), Math.Round(-0.4 - (1.0 / 3), 12), 0, 0], remax.Select(value => Math.Round(value, 12)));
    }

    [Fact]
    public async Task Greedy_completions_are_scored_and_recorded()
    {
        var run = Run("remax", Small(2) with { Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Remax } });
        await run.FinishAsync();
        Assert.All(Steps(run), line => Assert.InRange(line["greedy/clarity/mean"]!.GetValue<double>(), 0, 1));
        Assert.Contains(Directory.GetFiles(run.In("scores")), file => Path.GetFileName(file).StartsWith("greedybaseline-", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("mgda")]
    [InlineData("lagrangian")]
    public async Task Values_go_with_methods_that_look_at_every_objective(string method)
    {
        string text = method == "lagrangian" ? "scalarizer: { method: lagrangian, constraints: 0.5 }" : "scalarizer: { method: mgda }";
        var read = JobSpecReader.ReadText("job", $"name: a\nmodel: {{ path: some }}\ndata:\n  train: {{ task: arithmetic }}\n  validation: {{ task: arithmetic }}\nobjectives:\n  - {{ name: accuracy, reward: {{ kind: math_boxed }} }}\n  - {{ name: conciseness, reward: {{ kind: conciseness }} }}\n  - {{ name: clarity, reward: {{ kind: clarity }} }}\n{text}\n", []);
        Assert.SkipUnless(read.Spec is not null, $"this build has no {method}.");
        var run = Run(method, Small(3) with { Advantage = Gae, Scalarizer = read.Spec!.Scalarizer });
        await run.FinishAsync([One, Long, One]);
        double[] losses = [.. Steps(run).Select(line => line["value/loss"]!.GetValue<double>())];
        Assert.All(losses, loss => Assert.True(loss > 0));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static ScriptedReward One { get; } = new((_, _) => 1);

    private static ScriptedReward Long { get; } = new((_, completion) => completion.ResponseTokens / 12.0);

    private static AdvantageSpec Gae { get; } = new() { Estimator = AdvantageEstimator.Gae, Lambda = 0.95 };

    private static JobSpec Small(int steps)
    {
        var job = TinyJobs.Arithmetic(steps, warmStartSteps: 3, hidden: 8);
        return job with { Scalarizer = new LinearScalarizerSpec(), Update = new UpdateSpec { MicroBatchSize = 5 }, Schedule = job.Schedule with { ValidationPrompts = 2, CheckpointEvery = 100, ValidateEvery = 100 } };
    }

    private RunFolder Run(string name, JobSpec spec) => new(Path.Combine(_folder, name), spec);

    private static IEnumerable<JsonObject> Steps(RunFolder run) => run.Observer.Lines.Select(line => JsonNode.Parse(line)!.AsObject()).Where(line => line["stage"]!.GetValue<string>() == "rl" && line["step"]!.GetValue<int>() > 0);
}
