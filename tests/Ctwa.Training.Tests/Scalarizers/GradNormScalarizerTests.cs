using Ctwa.Training.Randomness;
using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class GradNormScalarizerTests
{
    private static readonly ObjectiveSpec[] Pair = [Objectives.Of("a"), Objectives.Of("b")];
    private static readonly ObjectiveSpec[] Three = [Objectives.Of("a"), Objectives.Of("b"), Objectives.Of("c")];

    /// <summary>Gradients at right angles with the given lengths.</summary>
    private static double[,] Lengths(params double[] lengths)
    {
        var gram = new double[lengths.Length, lengths.Length];
        for (int i = 0; i < lengths.Length; i++) { gram[i, i] = lengths[i] * lengths[i]; }
        return gram;
    }

    private static double[] Run(IScalarizer method, int steps, Func<int, GradientSignals> signals)
    {
        var state = method.Initial();
        double[] weights = [];
        for (int step = 1; step <= steps; step++) { (weights, state) = method.Solve(signals(step), state); }
        return weights;
    }

    [Fact]
    public void A_thousand_steps_of_whitened_advantages_stay_finite_and_every_step_counts_where_the_reference_misses_updates()
    {
        // Whitened advantages make policy losses of either sign, near 0.
        GradientSignals Signals(int step) => GradientSignalsOf.Gram(
            Lengths([.. Enumerable.Range(0, 3).Select(i => 0.5 + CounterRandom.Uniform(1, RandomPurpose.Test, step, i, 0, 0))]),
            losses: [.. Enumerable.Range(0, 3).Select(i => 0.01 * CounterRandom.Normal(1, RandomPurpose.Test, step, i, 1, 0))],
            scores: [.. Enumerable.Range(0, 3).Select(i => 0.3 + (0.0005 * step * i / 2))], step: step);

        var corrected = new GradNormScalarizer(new(), Three);
        var state = corrected.Initial();
        double[] before = [];
        for (int step = 1; step <= 1000; step++)
        {
            (double[] weights, state) = corrected.Solve(Signals(step), state);
            Assert.All(weights, weight => Assert.True(double.IsFinite(weight) && weight >= 0.02 - 1e-12));
            Assert.Equal(1, weights.Sum(), 1e-9);
            Assert.NotEqual(before, weights);
            before = weights;
        }

        var reference = new GradNormReferenceScalarizer(new() { Mode = MethodMode.Reference }, Three);
        var now = reference.Initial();
        int missed = 0;
        for (int step = 1; step <= 1000; step++)
        {
            var signals = Signals(step);
            var (next, _, targets, _) = reference.Update(now, GradientDiagnostics.Magnitudes(signals.Gram), signals.Losses);
            missed += targets.Any(double.IsNaN) ? 1 : 0;
            now = next;
        }

        // 74.6 % of random signs.
        Assert.InRange(missed, 650, 850);
    }

    [Fact]
    public void Weights_stay_positive_and_bounded_where_the_references_become_negative()
    {
        // Equal losses, one gradient eight times as long.
        GradientSignals Signals(int step) => GradientSignalsOf.Gram(Lengths(8, 1, 1), losses: [1, 1, 1], step: step);
        Assert.Equal(-0.6875, Run(new GradNormReferenceScalarizer(new() { Mode = MethodMode.Reference, LearningRate = 0.1 }, Three), 2, Signals).Min(), 1e-5);
        double[] weights = Run(new GradNormScalarizer(new() { LearningRate = 0.1 }, Three), 500, Signals);

        // The weighted gradients become equally long.
        Jacobians.AssertClose([1 / 17.0, 8 / 17.0, 8 / 17.0], weights, 1e-6);
        double[] negative = Run(new GradNormReferenceScalarizer(new() { Mode = MethodMode.Reference }, Pair), 1, _ => GradientSignalsOf.Gram(Lengths(40, 80), losses: [1, 1]));
        Jacobians.AssertClose([4, -2], negative, 1e-5);
        Assert.All(Run(new GradNormScalarizer(new(), Pair), 1000, step => GradientSignalsOf.Gram(Lengths(40, 80), step: step)), weight => Assert.InRange(weight, 0.02, 1));
    }

    [Fact]
    public void Weights_that_sum_to_zero_stop_the_reference_mode_with_an_error_and_do_not_happen_in_the_corrected_one()
    {
        // Learning rate 2 and lengths 1 and 2: the weights become (3, −3), which no factor brings to a sum of 2.
        var signals = GradientSignalsOf.Gram(Lengths(1, 2), losses: [1, 1]);
        var reference = new GradNormReferenceScalarizer(new() { Mode = MethodMode.Reference, LearningRate = 2 }, Pair);
        Assert.Contains("the coefficient of 'a'", Assert.Throws<NumericFailureException>(() => reference.Solve(signals, reference.Initial())).Message, StringComparison.Ordinal);
        Assert.All(Run(new GradNormScalarizer(new() { LearningRate = 2 }, Pair), 10, _ => signals), weight => Assert.InRange(weight, 0.02, 1));
    }

    [Fact]
    public void A_first_loss_of_zero_leaves_no_trace_where_the_references_targets_are_no_numbers_from_then_on()
    {
        var signals = GradientSignalsOf.Gram(Lengths(1, 3), losses: [0, 1], scores: [1, 0.2]);
        var reference = new GradNormReferenceScalarizer(new() { Mode = MethodMode.Reference }, Pair);
        Assert.Contains(reference.Update(reference.Initial(), [1, 3], [0, 1]).Targets, double.IsNaN);
        Assert.All(Run(new GradNormScalarizer(new(), Pair), 50, _ => signals), weight => Assert.InRange(weight, 0.02, 1));
    }

    [Fact]
    public void An_objective_that_lags_behind_gets_the_longer_gradient()
    {
        // The first objective closes its gap, the second does not move.
        var method = new GradNormScalarizer(new() { Alpha = 1, EmaRate = 1, LearningRate = 0.2 }, Pair);
        var state = method.Initial();
        double[] weights = [];
        for (int step = 1; step <= 400; step++) { (weights, state) = method.Solve(GradientSignalsOf.Gram(Lengths(1, 1), scores: [step == 1 ? 0.5 : 0.99, 0.5], step: step), state); }

        // Gaps 0.02 and 0.51 against 0.51 and 0.51 at the start: ratios 0.039 and 1, bounded by the floor.
        Jacobians.AssertClose([0.02 / 0.53, 0.51 / 0.53], weights, 1e-3);
    }

    [Fact]
    public void A_gradient_of_zero_keeps_its_weight_in_proportion_and_weights_leave_the_floor_at_once()
    {
        var method = new GradNormScalarizer(new() { LearningRate = 0.5 }, Pair);
        var (weights, state) = method.Solve(GradientSignalsOf.Gram(Lengths(1, 0)), method.Initial());
        Assert.InRange(weights[1], 0.02, 0.98);
        for (int step = 1; step <= 200; step++) { (weights, state) = method.Solve(GradientSignalsOf.Gram(Lengths(1000, 1), step: step), state); }
        Assert.Equal(0.02, weights[0], 1e-9);
        (weights, state) = method.Solve(GradientSignalsOf.Gram(Lengths(1, 1000), step: 201), state);
        Assert.True(weights[0] > 0.025);
    }

    [Fact]
    public void A_number_that_is_not_finite_is_an_error_by_name()
    {
        var method = new GradNormScalarizer(new(), Pair);
        Assert.Contains("mean score of 'b' is NaN", Assert.Throws<NumericFailureException>(() => method.Solve(GradientSignalsOf.Gram(Lengths(1, 1), scores: [0, double.NaN]), method.Initial())).Message, StringComparison.Ordinal);
        Assert.Contains("gradients of 'a' and 'b'", Assert.Throws<NumericFailureException>(() => method.Solve(GradientSignalsOf.Gram(new double[,] { { 1, double.PositiveInfinity }, { 0, 1 } }), method.Initial())).Message, StringComparison.Ordinal);
        Assert.Contains("the method has 2 objectives (a, b)", Assert.Throws<ArgumentException>(() => method.Solve(GradientSignalsOf.Gram(Lengths(1, 1, 1)), method.Initial())).Message, StringComparison.Ordinal);
    }
}
