using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class DynamicScalarizerTests
{
    private static readonly ObjectiveSpec[] Pair = [Objectives.Of("a", .5), Objectives.Of("b", .5)];

    private static double LogRatio(double[] weights) => Math.Log(weights[0] / weights[1]);

    [Fact]
    public void One_learning_rate_moves_the_weights_where_the_references_square_does_not()
    {
        // Learning rate 1e-6, μ = 1e-5, influence 1: a shift of 0.1, the reference's is 1e-7.
        double[,] gram = { { 1, 0 }, { 0, 0 } };
        var corrected = new DynamicScalarizer(new(), Pair);
        Assert.Equal(0.1, LogRatio(corrected.Solve(GradientSignalsOf.Gram(gram), corrected.Initial()).Coefficients), 1e-12);
        var reference = new DynamicReferenceScalarizer(new() { Mode = MethodMode.Reference }, Pair);
        double shift = reference.Update(reference.Initial(), gram, 1e-6, 1).Shift![0];
        Assert.Equal(1e-7, shift, 1e-12);
    }

    [Theory]
    [InlineData(InfluenceKind.Self, 18 - 22, 38 - 22)]
    [InlineData(InfluenceKind.LeaveOneOut, -22, -22)]
    [InlineData(InfluenceKind.Cosine, -.8412, -.8412)]
    public void Influence_is_with_or_without_the_gradient_itself_or_its_length(InfluenceKind kind, double first, double second)
    {
        var method = new DynamicScalarizer(new() { Influence = kind }, Pair);
        var solution = method.Solve(GradientSignalsOf.Gradients(Jacobians.Pinned, learningRate: 1e-8), method.Initial());
        var observed = method.Observe(new() { Signals = Objectives.Signals(new double[1, 2], [0]), TrainingSignal = [0] }, solution.State);
        Jacobians.AssertClose([first, second], observed.Metrics["influence"], 5e-5);
        Assert.Equal((first - second) * 1e-8 / 1e-5, LogRatio(solution.Coefficients), 1e-6);
    }

    [Fact]
    public void A_long_gradient_gains_by_itself_only_with_its_own_square()
    {
        double[,] gradients = { { 3, 0, 0 }, { 0, 1, 0 } };
        double[] Weights(InfluenceKind kind)
        {
            var method = new DynamicScalarizer(new() { Influence = kind }, Pair);
            return method.Solve(GradientSignalsOf.Gradients(gradients, learningRate: 1e-6), method.Initial()).Coefficients;
        }

        Assert.True(Weights(InfluenceKind.Self)[0] > 0.6);
        Assert.Equal(.5, Weights(InfluenceKind.LeaveOneOut)[0], 1e-12);
        Assert.Equal(.5, Weights(InfluenceKind.Cosine)[0], 1e-12);
    }

    [Fact]
    public void Weights_leave_the_floor_as_soon_as_influence_turns_where_the_references_stay_at_one_and_zero()
    {
        double[,] first = { { 4, 0 }, { 0, 1 } }, second = { { 1, 0 }, { 0, 4 } };
        var corrected = new DynamicScalarizer(new(), Pair);
        var state = corrected.Initial();
        double[] weights = [];
        for (int step = 1; step <= 10_000; step++) { (weights, state) = corrected.Solve(GradientSignalsOf.Gram(first, step: step), state); }
        Jacobians.AssertClose([.98, .02], weights, 1e-12);
        for (int step = 0; step < 30; step++) { (weights, state) = corrected.Solve(GradientSignalsOf.Gram(second, step: step), state); }
        Assert.True(weights[1] > 0.9);

        var reference = new DynamicReferenceScalarizer(new() { Mode = MethodMode.Reference }, Pair);
        var now = reference.Initial();
        for (int step = 1; step <= 3; step++) { now = reference.Update(now, first, 1, step).State; }
        for (int step = 4; step <= 1000; step++) { now = reference.Update(now, second, 1e-3, step).State; }
        Assert.Equal([1, 0], now.Vector(DynamicReferenceScalarizer.WeightsVector));
    }

    [Fact]
    public void A_resume_within_a_window_averages_all_of_its_steps_where_the_reference_loses_the_earlier_ones()
    {
        var options = new DynamicScalarizerSpec { Mode = MethodMode.Reference, WeightAccumulationSteps = 3, Regularization = 0.01 };
        var method = new DynamicReferenceScalarizer(options, Pair);
        double[,] Gram(int step) => new double[,] { { step, 0 }, { 0, 1 } };
        double[] Weights(ScalarizerState from, int start)
        {
            for (int step = start; step <= 3; step++) { from = method.Update(from, Gram(step), 0.1, step).State; }
            return from.Vector(DynamicReferenceScalarizer.WeightsVector);
        }

        var afterOne = method.Update(method.Initial(), Gram(1), 0.1, 1).State;
        double[] whole = Weights(method.Initial(), 1);
        Assert.Equal(whole, Weights(afterOne, 2));

        // What the reference resumes with: no accumulator, so two steps divided by three.
        Assert.NotEqual(whole, Weights(method.Initial(), 2));
    }

    [Fact]
    public void The_reference_weighs_rewards_and_refuses_weights_whose_sum_is_not_one()
    {
        var reference = ScalarizerRegistry.Create(new DynamicScalarizerSpec { Mode = MethodMode.Reference }, Pair);
        Assert.Contains("multiplied twice", Assert.Single(reference.Warnings), StringComparison.Ordinal);
        Assert.Equal(ScalarizerSignals.GramBeforeWeighing, reference.Scalarizer.Requires);
        var signals = Objectives.Signals(new double[,] { { 1, 0 }, { 0, 1 } }, [0, 0]);
        Assert.Contains("has no Gram matrix", Assert.Throws<ArgumentException>(() => reference.Scalarizer.Weigh(signals, reference.Scalarizer.Initial())).Message, StringComparison.Ordinal);
        Assert.IsType<Scalarization.OfRewards>(reference.Scalarizer.Weigh(signals with { Gram = new double[2, 2], LearningRate = 1 }, reference.Scalarizer.Initial()));
        Assert.Contains("sum to exactly 1", Assert.Throws<ArgumentException>(() => ScalarizerRegistry.Create(new DynamicScalarizerSpec { Mode = MethodMode.Reference }, [Objectives.Of("a", 1), Objectives.Of("b", 1)])).Message, StringComparison.Ordinal);
    }
}
