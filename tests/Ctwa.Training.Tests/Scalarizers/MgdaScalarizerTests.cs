using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class MgdaScalarizerTests
{
    private static readonly ObjectiveSpec[] Three = [Objectives.Of("a"), Objectives.Of("b"), Objectives.Of("c")];

    private static double[] Solve(MgdaScalarizerSpec options, double[,] gradients, double[]? scores = null, ObjectiveSpec[]? objectives = null)
    {
        var method = ScalarizerRegistry.Create(options, objectives ?? [.. Enumerable.Range(0, gradients.GetLength(0)).Select(i => Objectives.Of($"o{i}"))]).Scalarizer;
        return method.Solve(GradientSignalsOf.Gradients(gradients, scores: scores), method.Initial()).Coefficients;
    }

    [Fact]
    public void Two_equal_gradients_get_one_half_each_where_the_reference_gives_all_to_the_second()
    {
        double[,] equal = { { 1, 2 }, { 1, 2 } };
        Jacobians.AssertClose([.5, .5], Solve(new(), equal), 1e-12);
        Assert.Equal([0, 1], Solve(new() { Mode = MethodMode.Reference }, equal));
    }

    [Fact]
    public void The_optimum_is_reached_where_the_reference_still_swings_after_200_iterations()
    {
        // Equal lengths in conflict: the reference's step of 1/L swings with factor −1 on the top mode.
        double worst = 0;
        for (int seed = 0; seed < 300; seed++)
        {
            double[,] gradients = Jacobians.Normal(5, 5, 5, seed), gram = Jacobians.Gram(gradients);
            for (int i = 0; i < 5; i++)
            {
                for (int j = 0; j < 5; j++) { gradients[i, j] /= Math.Sqrt(gram[i, i]); }
            }

            gram = Jacobians.Gram(gradients);
            double exact = SmallMatrix.Quadratic(gram, Solve(new(), gradients)), reference = SmallMatrix.Quadratic(gram, Solve(new() { Mode = MethodMode.Reference }, gradients));
            Assert.True(exact <= reference + 1e-9);
            worst = Math.Max(worst, (reference / exact) - 1);
        }

        Assert.True(worst > 0.01, $"the reference's largest excess is {worst}.");
    }

    [Fact]
    public void Solutions_of_slices_differ_from_that_of_the_whole_gradient_and_belong_to_the_reference_mode()
    {
        double[,] left = Jacobians.Gram(new double[,] { { 1, 0 }, { -.2, 1 }, { .5, .5 } }), right = Jacobians.Gram(new double[,] { { .1, 1 }, { 1, -1 }, { -1, .2 } });
        var whole = new double[3, 3];
        for (int i = 0; i < 3; i++)
        {
            for (int j = 0; j < 3; j++) { whole[i, j] = left[i, j] + right[i, j]; }
        }

        var signals = GradientSignalsOf.Gram(whole, slices: [left, right]);
        var perSlice = new MgdaReferenceScalarizer(new() { Mode = MethodMode.Reference, PerSlice = true }, Three);
        var solution = perSlice.Solve(signals, perSlice.Initial());
        Assert.Equal(2, solution.PerSlice!.Length);
        Assert.Equal(MgdaReferenceScalarizer.Weights(left).Weights, solution.PerSlice[0]);
        Assert.Equal(MgdaReferenceScalarizer.Weights(right).Weights, solution.PerSlice[1]);
        Assert.True(Math.Abs(solution.PerSlice[0][0] - solution.PerSlice[1][0]) > 0.05);
        Jacobians.AssertClose([.. solution.PerSlice[0].Zip(solution.PerSlice[1], (a, b) => (a + b) / 2)], solution.Coefficients, 1e-12);

        // The same sum over one, two or more slices is one solution.
        var corrected = new MgdaScalarizer(new(), Three);
        var one = corrected.Solve(signals, corrected.Initial());
        Assert.Null(one.PerSlice);
        Assert.Equal(one.Coefficients, corrected.Solve(GradientSignalsOf.Gram(whole), corrected.Initial()).Coefficients);
    }

    [Fact]
    public void An_objective_without_a_gradient_does_not_stop_the_others()
    {
        double[,] gradients = { { -4, 1, 1 }, { 6, 1, 1 }, { 0, 0, 0 } };
        Jacobians.AssertClose([.6, .4, 0], Solve(new(), gradients), 1e-12);
        (gradients[2, 0], gradients[2, 1]) = (1e-12, -1e-12);
        Jacobians.AssertClose([.6, .4, 0], Solve(new(), gradients), 1e-12);
        Jacobians.AssertClose(Jacobians.Uniform(2), Solve(new(), new double[2, 2]), 1e-15);
    }

    [Fact]
    public void Normalised_gradients_choose_the_direction_and_every_objective_improves_in_proportion()
    {
        double[,] gradients = { { -4, 1, 1 }, { 6, 1, 1 } };
        double[] lengths = GradientDiagnostics.Magnitudes(Jacobians.Gram(gradients));
        double[] equal = Jacobians.Improvements(gradients, Solve(new() { Normalization = GradientNormalization.L2 }, gradients));
        Assert.Equal(equal[0] / lengths[0], equal[1] / lengths[1], 1e-9);

        // Gaps 1 − score + 0.01: the objective further from its ideal improves more.
        double[] scores = [.91, .51];
        double[] gaps = Jacobians.Improvements(gradients, Solve(new() { Normalization = GradientNormalization.Loss }, gradients, scores));
        Assert.Equal(gaps[0] / .1, gaps[1] / .5, 1e-9);
        double[] both = Jacobians.Improvements(gradients, Solve(new() { Normalization = GradientNormalization.LossPlus }, gradients, scores));
        Assert.Equal(both[0] / lengths[0] / .1, both[1] / lengths[1] / .5, 1e-9);

        double[] preferred = Jacobians.Improvements(gradients, Solve(new(), gradients, objectives: [Objectives.Of("a", 3), Objectives.Of("b", 1)]));
        Assert.Equal(preferred[0], 3 * preferred[1], 1e-9);
    }

    [Fact]
    public void A_reached_ideal_leaves_a_small_positive_gap()
    {
        var gaps = new RewardGaps(new NumberOrList([1, 0.5]), 0.3, 0.01, 2);
        var state = new MgdaScalarizer(new(), Three[..2]).Initial();
        Jacobians.AssertClose([.41, .01], gaps.Of([.6, .9], state), 1e-12);
        Assert.Contains("has 3 entries for 2 objectives", Assert.Throws<ArgumentException>(() => new RewardGaps(new NumberOrList([1, 1, 1]), 0.3, 0.01, 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rescaling_keeps_the_length_of_the_weighted_mean_but_does_not_blow_up_what_cancels()
    {
        double[,] gram = Jacobians.Gram(Jacobians.Pinned);
        Assert.Equal(StepLength.Of(gram, [.5, .5]), StepLength.Of(gram, Solve(new() { Rescale = true }, Jacobians.Pinned)), 1e-12);
        double[,] opposed = { { 1, 1e-9 }, { -.5, 1e-9 } };
        Assert.True(Solve(new() { Rescale = true }, opposed).Max() <= 100);
    }

    [Fact]
    public void The_reference_mode_warns_and_has_no_gaps_and_positive_weights_are_needed()
    {
        Assert.Contains("200 at most", Assert.Single(ScalarizerRegistry.Create(new MgdaScalarizerSpec { Mode = MethodMode.Reference }, Three).Warnings), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => ScalarizerRegistry.Create(new MgdaScalarizerSpec { Mode = MethodMode.Reference, Normalization = GradientNormalization.Loss }, Three));
        Assert.Contains("must be positive", Assert.Throws<ArgumentException>(() => ScalarizerRegistry.Create(new MgdaScalarizerSpec(), [Objectives.Of("a"), Objectives.Of("b", 0)])).Message, StringComparison.Ordinal);
    }
}
