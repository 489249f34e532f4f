using Ctwa.Training.Advantages;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class LagrangianScalarizerTests
{
    private static readonly ObjectiveSpec[] Three = [Objectives.Of("accuracy"), Objectives.Of("conciseness"), Objectives.Of("clarity")];

    /// <summary>Two prompts; mean scores 0.5, 0.25, 0.75.</summary>
    private static readonly StepOutcome Step = Objectives.Outcome(new double[,] { { 1, 0, 1 }, { 0, 1, 1 }, { 1, 0, 1 }, { 0, 0, 0 } }, [0, 0, 1, 1], [0, 0, 0, 0]);

    private static LagrangianScalarizerSpec Spec(DualUpdate update, double rate = 0.5) => new() { Constraints = new([0.9, 0.6]), DualUpdate = update, DualLearningRate = rate, EmaRate = 1 };

    private static double[] Weights(IScalarizer scalarizer, ScalarizerState state) => scalarizer.Weigh(Step.Signals, state).Weights;

    private static ScalarizerState Repeat(IScalarizer scalarizer, int steps)
    {
        var state = scalarizer.Initial();
        for (int i = 0; i < steps; i++) { state = scalarizer.Observe(Step, state).State; }
        return state;
    }

    [Fact]
    public void One_linear_step_moves_the_multipliers_by_the_gaps_and_the_combination_is_a_mean()
    {
        var scalarizer = new LagrangianScalarizer(Spec(DualUpdate.Linear), Three);
        Assert.Equal([1, 0, 0], Weights(scalarizer, scalarizer.Initial()));
        var state = scalarizer.Observe(Step, scalarizer.Initial()).State;
        // Gaps 0.9 − 0.25 and 0.6 − 0.75: one rises to 0.325, the other is projected to 0.
        Assert.Equal([0, 0.325, 0], state.Vector("lambda"));
        double[] weights = Weights(scalarizer, state);
        Assert.Equal(1 / 1.325, weights[0], 1e-12);
        Assert.Equal(0.325 / 1.325, weights[1], 1e-12);
    }

    [Fact]
    public void The_logarithmic_form_multiplies_and_the_pid_form_adds_gap_integral_and_rise()
    {
        var log = new LagrangianScalarizer(Spec(DualUpdate.Log), Three);
        double[] lambda = log.Observe(Step, log.Initial()).State.Vector("lambda");
        Assert.Equal(0.1 * Math.Exp(0.5 * 0.65), lambda[1], 1e-12);
        Assert.Equal(0.1 * Math.Exp(0.5 * -0.15), lambda[2], 1e-12);

        var pid = new LagrangianScalarizer(Spec(DualUpdate.Pid) with { ProportionalGain = 2, DerivativeGain = 4 }, Three);
        var first = pid.Observe(Step, pid.Initial()).State;
        Assert.Equal((2 * 0.65) + 0.325, first.Vector("lambda")[1], 1e-12);
        var worse = Objectives.Outcome(new double[,] { { 1, 0, 1 }, { 0, 0, 1 } }, [0, 0], [0, 0]);
        Assert.Equal((2 * 0.9) + 0.325 + 0.45 + (4 * 0.25), pid.Observe(worse, first).State.Vector("lambda")[1], 1e-12);
    }

    [Theory]
    [InlineData(DualUpdate.Linear)]
    [InlineData(DualUpdate.Log)]
    [InlineData(DualUpdate.Pid)]
    public void Multipliers_stay_bounded_when_a_constraint_cannot_be_met_and_come_back_afterwards(DualUpdate update)
    {
        var scalarizer = new LagrangianScalarizer(Spec(update) with { LambdaMax = 4 }, Three);
        var state = Repeat(scalarizer, 500);
        Assert.Equal(4, state.Vector("lambda")[1], 1e-9);
        Assert.Equal(1.0 / 5, Weights(scalarizer, state)[0], 1e-2);

        // Nothing has wound up: once the constraint holds by 0.1, the multiplier falls within as many steps as its range needs.
        var met = Objectives.Outcome(new double[,] { { 1, 1, 1 }, { 0, 1, 1 } }, [0, 0], [0, 0]);
        for (int i = 0; i < 200; i++) { state = scalarizer.Observe(met, state).State; }
        Assert.True(state.Vector("lambda")[1] < 0.01, $"{state.Vector("lambda")[1]}");
    }

    [Fact]
    public void The_reference_grows_without_bound_and_so_do_its_advantages()
    {
        var scalarizer = new LagrangianReferenceScalarizer(Spec(DualUpdate.Linear) with { Mode = MethodMode.Reference }, Three);
        var state = Repeat(scalarizer, 500);
        Assert.Equal(500 * 0.325, state.Vector("lambda")[1], 1e-9);
        Assert.Equal(501 * 0.325, Weights(scalarizer, state)[1], 1e-9);
    }

    [Theory]
    [InlineData(MethodMode.Corrected)]
    [InlineData(MethodMode.Reference)]
    public void The_advantages_used_are_those_of_the_logged_multipliers(MethodMode mode)
    {
        var scalarizer = ScalarizerRegistry.Create(Spec(DualUpdate.Linear) with { Mode = mode }, Three).Scalarizer;
        var state = Repeat(scalarizer, 7);
        int[] lengths = [3, 1, 2, 4];
        var signals = Step.Signals with { Lengths = lengths };
        var each = Enumerable.Range(0, 3).Select(j => OutcomeEstimator.Estimate(new AdvantageSpec(), PerObjective.Column(signals, j), lengths, signals.Groups, signals.Valid)).ToArray();
        double[] used = OutcomeAdvantages.Combine(each, scalarizer.Weigh(signals, state).Weights).MeanTokenAdvantage();
        double[] logged = scalarizer.Observe(Step with { Signals = signals }, state).Metrics["lambda"];
        double scale = mode == MethodMode.Corrected ? 1 + logged[1] + logged[2] : 1;
        for (int b = 0; b < 4; b++)
        {
            double expected = (each[0].MeanTokenAdvantage()[b] + (logged[1] * each[1].MeanTokenAdvantage()[b]) + (logged[2] * each[2].MeanTokenAdvantage()[b])) / scale;
            Assert.Equal(expected, used[b], 1e-9);
            if (mode == MethodMode.Corrected) { Assert.True(Math.Abs(used[b]) <= each.Max(one => Math.Abs(one.MeanTokenAdvantage()[b])) + 1e-12); }
        }
    }

    [Fact]
    public void The_gap_is_taken_from_a_moving_average_and_not_from_one_batch()
    {
        var scalarizer = new LagrangianScalarizer(Spec(DualUpdate.Linear) with { EmaRate = 0.1 }, Three);
        var state = Repeat(scalarizer, 5);
        double before = state.Vector("lambda")[1];
        // One lucky batch at the top: the average still lies below the constraint, so the multiplier still rises.
        var lucky = Objectives.Outcome(new double[,] { { 1, 1, 1 }, { 0, 1, 1 } }, [0, 0], [0, 0]);
        Assert.True(scalarizer.Observe(lucky, state).State.Vector("lambda")[1] > before);
    }

    [Fact]
    public void The_primary_objective_is_the_one_named_and_unused_weights_are_said()
    {
        var options = Spec(DualUpdate.Linear) with { Primary = "clarity", Constraints = new([0.9, 0.7]) };
        var setup = ScalarizerRegistry.Create(options, [Objectives.Of("accuracy", 2), Three[1], Three[2]]);
        Assert.Contains("does not use the objectives' weights", Assert.Single(setup.Warnings), StringComparison.Ordinal);
        Assert.Equal([0, 0, 1], Weights(setup.Scalarizer, setup.Scalarizer.Initial()));
        Assert.Equal([0.2, 0.225, 0], setup.Scalarizer.Observe(Step, setup.Scalarizer.Initial()).State.Vector("lambda").Select(value => Math.Round(value, 12)));
    }

    [Fact]
    public void Options_that_do_not_fit_are_refused()
    {
        string Refused(LagrangianScalarizerSpec spec) => Assert.Throws<ArgumentException>(() => ScalarizerRegistry.Create(spec, Three)).Message;
        Assert.Contains("'speed', which is no objective; accepted: accuracy", Refused(Spec(DualUpdate.Linear) with { Primary = "speed" }), StringComparison.Ordinal);
        Assert.Contains("2 objectives without the primary: has 3 entries", Refused(Spec(DualUpdate.Linear) with { Constraints = new([1, 1, 1]) }), StringComparison.Ordinal);
        Assert.Contains("constraints are missing", Refused(new()), StringComparison.Ordinal);
        Assert.Contains("lambda_start is 20, more than lambda_max 10", Refused(Spec(DualUpdate.Linear) with { LambdaStart = 20 }), StringComparison.Ordinal);
        Assert.Contains("must be positive", Refused(Spec(DualUpdate.Log) with { LambdaStart = 0 }), StringComparison.Ordinal);
    }
}
