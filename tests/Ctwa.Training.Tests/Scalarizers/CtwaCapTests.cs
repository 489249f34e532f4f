using Ctwa.Training.Specification;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers;

/// <summary>The largest weight of CTWA, and what its targets ask for.</summary>
public sealed class CtwaCapTests
{
    private static readonly ObjectiveSpec[] Three = [Objectives.Of("a"), Objectives.Of("b"), Objectives.Of("c")];

    [Property(MaxTest = 200)]
    public bool Bounded_weights_sum_to_one_keep_the_bounds_and_the_proportions_between_them(sbyte first, sbyte second, sbyte third, byte floor, byte cap)
    {
        double[] u = [first / 8.0, second / 8.0, third / 8.0];
        double low = floor / 255.0 / 3, high = (1.0 / 3) + (cap / 255.0 * 2 / 3 * 0.999);
        double[] weights = ObjectiveWeights.SoftmaxWithBounds(u, low, high);
        if (Math.Abs(weights.Sum() - 1) > 1e-9 || weights.Any(weight => weight < low - 1e-12 || weight > high + 1e-12)) { return false; }
        for (int i = 0; i < 3; i++)
        {
            for (int j = 0; j < 3; j++)
            {
                // In order of u, and in its proportions where no bound holds.
                if (u[i] > u[j] && weights[i] < weights[j] - 1e-12) { return false; }
                bool free = weights[i] > low + 1e-9 && weights[i] < high - 1e-9 && weights[j] > low + 1e-9 && weights[j] < high - 1e-9;
                if (free && Math.Abs((weights[i] / weights[j] / Math.Exp(u[i] - u[j])) - 1) > 1e-6) { return false; }
            }
        }

        return true;
    }

    [Fact]
    public void Known_cases_of_bounded_weights()
    {
        static double[] Rounded(double[] weights) => [.. weights.Select(weight => Math.Round(weight, 12))];
        Assert.Equal([0.5, 0.3, 0.2], Rounded(ObjectiveWeights.SoftmaxWithBounds([Math.Log(0.7), Math.Log(0.18), Math.Log(0.12)], 0, 0.5)));
        Assert.Equal([0.5, 0.4, 0.1], Rounded(ObjectiveWeights.SoftmaxWithBounds([0, -1, -50], 0.1, 0.5)));
        Assert.Equal([0.5, 0.25, 0.25], Rounded(ObjectiveWeights.SoftmaxWithBounds([0, double.NegativeInfinity, double.NegativeInfinity], 0, 0.5)));
        double third = Math.Round(1.0 / 3, 12);
        Assert.Equal([third, third, third], Rounded(ObjectiveWeights.SoftmaxWithBounds([5, 0, -5], 0, 1.0 / 3)));
        double[] open = [0.3, -0.2, 1.4];
        Assert.Equal(ObjectiveWeights.SoftmaxWithFloor(open, 0.02), ObjectiveWeights.SoftmaxWithBounds(open, 0.02, 1));
    }

    [Fact]
    public void Weights_stay_within_floor_and_cap_with_a_target_that_cannot_be_reached_and_no_leak()
    {
        var scalarizer = new CtwaScalarizer(new() { Targets = new([0.99, 0, 0]), Leak = 0, LearningRate = 5, Floor = 0.1, Cap = 0.6 }, Three);
        var state = scalarizer.Initial();
        double[] weights = [];
        for (int step = 0; step < 810; step++)
        {
            var outcome = Objectives.Random(step, 3);
            weights = scalarizer.Weigh(outcome.Signals, state).Weights;
            Assert.All(weights, weight => Assert.InRange(weight, 0.1 - 1e-12, 0.6 + 1e-12));
            state = scalarizer.Observe(outcome, state).State;
        }

        Assert.Equal(0.6, weights[0], 1e-9);
        Assert.Equal(0.2, weights[1], 1e-9);
    }

    [Fact]
    public void The_balanced_form_respects_the_cap_too()
    {
        // The first objective hardly varies, so balance alone would give it nearly all of the weight.
        double[,] scores = { { 0.01, 1, 0 }, { 0, 0, 1 }, { 0.01, 1, 1 }, { 0, 0, 0 } };
        var signals = Objectives.Signals(scores, [0, 0, 0, 0]);
        double[] Weights(double cap)
        {
            var scalarizer = new CtwaBalancedScalarizer(new() { Cap = cap }, Three);
            return scalarizer.Weigh(signals, scalarizer.Initial()).Weights;
        }

        Assert.True(Weights(1)[0] > 0.9, ObjectiveWeights.Show(Weights(1)));
        Assert.Equal(0.5, Weights(0.5)[0], 1e-9);
    }

    [Theory]
    [InlineData(0.3, true)]
    [InlineData(0.9, false)]
    public void Feasibility_is_the_share_of_the_deviation_that_all_targets_ask_for(double target, bool feasible)
    {
        // Two uncorrelated objectives of deviation 1/2 at weights 1/2: σ(s) = √2/4, so Σ λσc*/σ(s) = √2 c*.
        var outcome = Objectives.Outcome(new double[,] { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } }, [0, 0, 0, 0], [0, 1, 1, 2]);
        var scalarizer = new CtwaScalarizer(new() { Targets = new(target) }, [Three[0], Three[1]]);
        var observation = scalarizer.Observe(outcome, scalarizer.Initial());
        Assert.Equal(Math.Sqrt(2) * target, observation.Scalars["target_feasibility"], 1e-9);
        Assert.Equal(observation.Scalars["target_feasibility"], observation.Metrics["target_budget"].Sum(), 1e-12);
        Assert.Equal(feasible, observation.Scalars["target_feasibility"] <= 1);
        Assert.Equal(Math.Max(0, target - Math.Sqrt(0.5)), observation.Metrics["deficit"][0], 1e-9);

        var reference = new CtwaReferenceScalarizer(new() { Mode = MethodMode.Reference, Targets = new(target) }, [Three[0], Three[1]]);
        // Covariances: Σ λ c*/σ(s) = c*/(√2/4).
        Assert.Equal(target * 4 / Math.Sqrt(2), reference.Observe(outcome with { PostUpdate = outcome.TrainingSignal }, reference.Initial()).Scalars["target_feasibility"], 1e-6);
    }

    [Fact]
    public void Bounds_that_cannot_hold_are_refused_and_doubtful_targets_are_said()
    {
        Assert.Contains("scalarizer.cap is 0.3 for 3 objectives", Assert.Throws<ArgumentException>(() => ScalarizerRegistry.Create(new CtwaScalarizerSpec { Cap = 0.3 }, Three)).Message, StringComparison.Ordinal);
        Assert.Contains("floor of 0.2", Assert.Throws<ArgumentException>(() => new CtwaScalarizer(new() { Targets = new(0.1), Floor = 0.2, Cap = 0.1 }, Three)).Message, StringComparison.Ordinal);
        Assert.Contains("squares sum to 1.92", Assert.Single(ScalarizerRegistry.Create(new CtwaScalarizerSpec { Targets = new(0.8) }, Three).Warnings), StringComparison.Ordinal);
        Assert.Empty(ScalarizerRegistry.Create(new CtwaScalarizerSpec { Targets = new(0.5) }, Three).Warnings);
    }
}
