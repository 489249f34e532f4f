using System.Text.Json;
using Ctwa.Training.Specification;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class CtwaScalarizerTests
{
    private static readonly ObjectiveSpec[] Three = [Objectives.Of("accuracy", 2), Objectives.Of("conciseness"), Objectives.Of("clarity")];

    private static readonly CtwaScalarizerSpec Options = new() { Targets = new([0.6, 0.4, 0.2]), ObjectiveTargets = new([2, 0.45, 2]) };

    private static string Json(ScalarizerState state) => JsonSerializer.Serialize(state);

    private static double[] WeightsOf(IScalarizer scalarizer, StepOutcome outcome, ScalarizerState state) => ((Scalarization.OfRewards)scalarizer.Weigh(outcome.Signals, state)).Weights;

    /// <summary>Both modes; outcomes carry a post-update weight for the reference.</summary>
    private static IEnumerable<IScalarizer> Both() =>
        [new CtwaScalarizer(Options, Three), new CtwaReferenceScalarizer(Options with { Mode = MethodMode.Reference }, Three)];

    private static StepOutcome Outcome(long seed, int objectives = 3)
    {
        var outcome = Objectives.Random(seed, objectives);
        return outcome with { PostUpdate = [.. outcome.TrainingSignal.Select(w => 0.9 * w)] };
    }

    [Fact]
    public void Start_weights_are_the_normalised_weights_of_the_objectives()
    {
        var scalarizer = new CtwaScalarizer(Options, Three);
        var outcome = Outcome(1);
        var weighed = (Scalarization.OfRewards)scalarizer.Weigh(outcome.Signals, scalarizer.Initial());
        Assert.Equal([0.5, 0.25, 0.25], weighed.Weights.Select(weight => Math.Round(weight, 12)));
        var scores = outcome.Signals.Scores;
        Assert.Equal((0.5 * scores[3, 0]) + (0.25 * scores[3, 1]) + (0.25 * scores[3, 2]), weighed.Rewards[3], 1e-12);
    }

    [Fact]
    public void One_step_moves_state_by_the_documented_formula()
    {
        // One group; accuracy runs against the signal (correlation −1), brevity with it (+1).
        var options = new CtwaScalarizerSpec { Targets = new(0.25), LearningRate = 0.5, EmaRate = 0.3, Leak = 0.05 };
        ObjectiveSpec[] pair = [Objectives.Of("accuracy", 1), Objectives.Of("brevity", 3)];
        var scalarizer = new CtwaScalarizer(options, pair);
        var observed = scalarizer.Observe(Objectives.Outcome(new double[,] { { 0, 1 }, { 1, 0 } }, [0, 0], [1, -1]), scalarizer.Initial());
        Assert.Equal([-1, 1], observed.Metrics["correlation_ema"].Select(value => Math.Round(value, 12)));
        Assert.Equal([1.25, 0], observed.Metrics["deficit"].Select(value => Math.Round(value, 12)));
        Assert.Equal(Math.Log(0.25) + (0.5 * 1.25), observed.State.Vector("log_weights")[0], 1e-12);
        Assert.Equal(Math.Log(0.75), observed.State.Vector("log_weights")[1], 1e-12);
        Assert.Equal([0.5, 0.5], observed.Metrics["score_ema"]);

        // λ σ c*/σ(s) = .25·.5·.25/.25 and .75·.5·.25/.25, with s = ±.25 around its mean.
        Assert.Equal(0.125, observed.Metrics["target_budget"][0], 1e-12);
        Assert.Equal(0.375, observed.Metrics["target_budget"][1], 1e-12);
    }

    [Fact]
    public void The_first_correlation_is_not_pulled_towards_zero()
    {
        var scalarizer = new CtwaScalarizer(Options with { EmaRate = 0.01 }, Three);
        var outcome = Outcome(5);
        var statistics = WithinPromptStatistics.Compute(outcome.Signals.Scores, outcome.TrainingSignal, outcome.Signals.Groups, outcome.Signals.Valid);
        double[] ema = scalarizer.Observe(outcome, scalarizer.Initial()).Metrics["correlation_ema"];
        for (int j = 0; j < 3; j++) { Assert.Equal(statistics.Correlation[j], ema[j], 1e-12); }
    }

    [Fact]
    public void A_reached_objective_target_closes_the_gate()
    {
        var outcome = Objectives.Outcome(new double[,] { { 0 }, { 1 } }, [0, 0], [1, -1]);
        double Deficit(double gate)
        {
            var scalarizer = new CtwaScalarizer(new() { Targets = new(0.25), ObjectiveTargets = new(gate) }, [Objectives.Of("a")]);
            return scalarizer.Observe(outcome, scalarizer.Initial()).Metrics["deficit"][0];
        }

        Assert.Equal(0, Deficit(0.5));
        Assert.Equal(1.25, Deficit(0.51), 1e-12);
    }

    [Fact]
    public void A_step_without_evidence_keeps_the_average_and_only_leaks()
    {
        var options = new CtwaScalarizerSpec { Targets = new(0.25), Leak = 0.1 };
        ObjectiveSpec[] pair = [Objectives.Of("a"), Objectives.Of("b")];
        var scalarizer = new CtwaScalarizer(options, pair);
        var pushed = scalarizer.Observe(Objectives.Outcome(new double[,] { { 0, 1 }, { 1, 0 } }, [0, 0], [1, -1]), scalarizer.Initial());
        var silent = scalarizer.Observe(Objectives.Outcome(new double[,] { { 1, 1 }, { 1, 0 } }, [0, 0], [1, -1]), pushed.State);
        Assert.Equal(pushed.Metrics["correlation_ema"][0], silent.Metrics["correlation_ema"][0]);
        Assert.Equal(0, silent.Metrics["deficit"][0]);
        Assert.Equal(Math.Log(0.5) + (0.9 * (pushed.Metrics["log_weight"][0] - Math.Log(0.5))), silent.Metrics["log_weight"][0], 1e-12);
    }

    [Fact]
    public void Opposite_targets_that_exceed_the_budget_show_a_sum_above_one()
    {
        var scalarizer = new CtwaScalarizer(new() { Targets = new(0.9) }, [Objectives.Of("a"), Objectives.Of("b", 1.5)]);
        double[,] opposed = { { 0, 1 }, { 1, 0 } };
        double[] budget = scalarizer.Observe(Objectives.Outcome(opposed, [0, 0], [1, -1]), scalarizer.Initial()).Metrics["target_budget"];
        Assert.True(budget.Sum() > 1, $"budget {ObjectiveWeights.Show(budget)}");
    }

    [Fact]
    public void Only_the_reference_mode_asks_for_another_forward_pass()
    {
        Assert.Equal([ScalarizerSignals.None, ScalarizerSignals.PostUpdateRatios], Both().Select(scalarizer => scalarizer.Requires));
        var reference = Both().Last();
        Assert.Contains("no post-update weights", Assert.Throws<ArgumentException>(() => reference.Observe(Objectives.Random(1, 3), reference.Initial())).Message, StringComparison.Ordinal);
    }

    [Property(MaxTest = 50)]
    public bool Weighing_and_observing_change_nothing_that_they_are_given(int seed)
    {
        foreach (var scalarizer in Both())
        {
            var outcome = Outcome(seed);
            var state = scalarizer.Observe(Outcome(seed + 1L), scalarizer.Initial()).State;
            string before = Json(state);
            double[] scores = [.. outcome.Signals.Scores.Cast<double>()], signal = [.. outcome.TrainingSignal];
            var first = (Scalarization.OfRewards)scalarizer.Weigh(outcome.Signals, state);
            first.Weights[0] = 99;
            var again = (Scalarization.OfRewards)scalarizer.Weigh(outcome.Signals, state);
            string one = Json(scalarizer.Observe(outcome, state).State), two = Json(scalarizer.Observe(outcome, state).State);
            if (before != Json(state) || one != two || one == before || !first.Rewards.SequenceEqual(again.Rewards) || again.Weights[0] == 99
                || !scores.SequenceEqual(outcome.Signals.Scores.Cast<double>()) || !signal.SequenceEqual(outcome.TrainingSignal)) { return false; }
        }

        return true;
    }

    [Property(MaxTest = 30)]
    public bool A_resumed_run_equals_an_uninterrupted_one_bit_by_bit(int seed, byte cut)
    {
        const int Steps = 12;
        foreach (var scalarizer in Both())
        {
            var straight = scalarizer.Initial();
            var resumed = scalarizer.Initial();
            for (int step = 0; step < Steps; step++)
            {
                var outcome = Outcome((seed * 100L) + step);
                straight = scalarizer.Observe(outcome, straight).State;
                resumed = scalarizer.Observe(outcome, resumed).State;
                if (step == cut % Steps) { resumed = JsonSerializer.Deserialize<ScalarizerState>(Json(resumed))!; }
            }

            double[] weights = WeightsOf(scalarizer, Outcome(seed), straight);
            if (Json(straight) != Json(resumed) || !weights.SequenceEqual(WeightsOf(scalarizer, Outcome(seed), resumed))) { return false; }
        }

        return true;
    }

    [Property(MaxTest = 50)]
    public bool Renaming_the_order_of_objectives_permutes_the_weights(int seed, byte rotation)
    {
        int[] order = [.. Enumerable.Range(0, 3).Select(j => (j + rotation) % 3)];
        double[] targets = [.. Options.Targets!.List!], gates = [.. Options.ObjectiveTargets!.List!];
        var permutedOptions = Options with { Targets = new([.. order.Select(j => targets[j])]), ObjectiveTargets = new([.. order.Select(j => gates[j])]) };
        ObjectiveSpec[] permutedObjectives = [.. order.Select(j => Three[j])];
        foreach (var (one, two) in new (IScalarizer, IScalarizer)[]
        {
            (new CtwaScalarizer(Options, Three), new CtwaScalarizer(permutedOptions, permutedObjectives)),
            (new CtwaReferenceScalarizer(Options, Three), new CtwaReferenceScalarizer(permutedOptions, permutedObjectives)),
        })
        {
            var (a, b) = (one.Initial(), two.Initial());
            for (int step = 0; step < 5; step++)
            {
                var outcome = Outcome((seed * 10L) + step);
                a = one.Observe(outcome, a).State;
                b = two.Observe(Objectives.Permute(outcome, order), b).State;
            }

            var last = Outcome(seed);
            double[] straight = WeightsOf(one, last, a), permuted = WeightsOf(two, Objectives.Permute(last, order), b);
            if (!order.Select((j, i) => Math.Abs(straight[j] - permuted[i]) < 1e-9).All(equal => equal)) { return false; }
        }

        return true;
    }

    [Property(MaxTest = 100)]
    public bool Weights_sum_to_one_respect_the_floor_and_log_weights_their_bound(int seed, byte rate, byte leak, byte floor)
    {
        var options = new CtwaScalarizerSpec { Targets = new(0.8), LearningRate = rate / 20.0, Leak = (leak + 1) / 256.0, Floor = floor / 255.0 / 3 };
        var scalarizer = new CtwaScalarizer(options, Three);
        var state = scalarizer.Initial();
        double[] start = state.Vector("log_weights");
        for (int step = 0; step < 20; step++)
        {
            var outcome = Outcome((seed * 20L) + step);
            state = scalarizer.Observe(outcome, state).State;
            double[] weights = WeightsOf(scalarizer, outcome, state);
            bool bounded = state.Vector("log_weights").Zip(start).All(pair => Math.Abs(pair.First - pair.Second) <= (options.LearningRate * 1.8 / options.Leak) + 1e-9);
            if (Math.Abs(weights.Sum() - 1) > 1e-12 || weights.Any(weight => weight < options.Floor - 1e-15) || !bounded) { return false; }
        }

        return true;
    }

    [Fact]
    public void The_reference_mode_divides_its_statistics_by_groups_without_variance_where_the_corrected_does_not()
    {
        double[,] scores = { { 0 }, { 1 }, { 1 }, { 1 } };
        var outcome = Objectives.Outcome(scores, [0, 0, 1, 1], [-1, 1, 1, -1], postUpdate: [-1, 1, 1, -1]);
        ObjectiveSpec[] one = [Objectives.Of("a")];
        var reference = new CtwaReferenceScalarizer(new() { Targets = new(0.25) }, one);
        var corrected = new CtwaScalarizer(new() { Targets = new(0.25) }, one);
        Assert.Equal(0.25, reference.Observe(outcome, reference.Initial()).Metrics["covariance_ema"][0]);
        Assert.Equal(1, corrected.Observe(outcome, corrected.Initial()).Metrics["correlation_ema"][0], 1e-12);
    }

    [Fact]
    public void A_state_of_the_other_mode_or_of_other_objectives_is_refused()
    {
        var (corrected, reference) = (Both().First(), Both().Last());
        var outcome = Outcome(1);
        Assert.Contains("'ctwa/reference'", Assert.Throws<InvalidDataException>(() => corrected.Weigh(outcome.Signals, reference.Initial())).Message, StringComparison.Ordinal);
        var other = new CtwaScalarizer(Options, [Three[1], Three[0], Three[2]]);
        Assert.Contains("names and order", Assert.Throws<InvalidDataException>(() => other.Observe(outcome, corrected.Initial())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_do_not_fit_the_objectives_are_refused_with_the_numbers()
    {
        Assert.Contains("2 entries for 3 objectives", Assert.Throws<ArgumentException>(() => new CtwaScalarizer(new() { Targets = new([0.1, 0.2]) }, Three)).Message, StringComparison.Ordinal);
        Assert.Contains("scalarizer.floor is 0.5", Assert.Throws<ArgumentException>(() => new CtwaScalarizer(new() { Targets = new(0.25), Floor = 0.5 }, Three)).Message, StringComparison.Ordinal);
        Assert.Contains("correlations", Assert.Throws<ArgumentException>(() => new CtwaScalarizer(new() { Targets = new(1.5) }, Three)).Message, StringComparison.Ordinal);
        Assert.Contains("at least one must be positive", Assert.Throws<ArgumentException>(() => new CtwaScalarizer(new() { Targets = new(0.25) }, [Objectives.Of("a", 0)])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Scores_that_are_not_finite_are_refused_unless_their_sample_was_dropped()
    {
        var scalarizer = new CtwaScalarizer(new() { Targets = new(0.25) }, [Objectives.Of("a")]);
        double[,] scores = { { 1 }, { double.NaN } };
        Assert.Contains("sample 1", Assert.Throws<ArgumentException>(() => scalarizer.Weigh(Objectives.Signals(scores, [0, 0]), scalarizer.Initial())).Message, StringComparison.Ordinal);
        Assert.Equal([1, 0], ((Scalarization.OfRewards)scalarizer.Weigh(Objectives.Signals(scores, [0, 0], [true, false]), scalarizer.Initial())).Rewards);
    }
}
