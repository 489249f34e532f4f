using System.Text.Json;
using Ctwa.Training.Specification;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class LinearScalarizerTests
{
    private static readonly string[] Names = ["a", "b", "c"];

    [Fact]
    public void Rewards_are_weighted_sums_and_dropped_samples_have_none()
    {
        var scalarizer = ScalarizerRegistry.Create(new LinearScalarizerSpec(), [Objectives.Of("a", 3), Objectives.Of("b", 1)]).Scalarizer;
        var weighed = (Scalarization.OfRewards)scalarizer.Weigh(Objectives.Signals(new double[,] { { 1, 0 }, { 0, 1 }, { 1, 1 } }, [0, 0, 1], [true, true, false]), scalarizer.Initial());
        Assert.Equal([0.75, 0.25, 0], weighed.Rewards);
        Assert.Equal([0.75, 0.25], weighed.Weights);
    }

    [Fact]
    public void Weights_that_sum_to_one_up_to_rounding_pass_in_corrected_mode_only()
    {
        ObjectiveSpec[] objectives = [Objectives.Of("a", 0.6), Objectives.Of("b", 0.3), Objectives.Of("c", 0.1)];
        Assert.Empty(ScalarizerRegistry.Create(new LinearScalarizerSpec(), objectives).Warnings);
        Assert.Contains("exactly 1", Assert.Throws<ArgumentException>(() => ScalarizerRegistry.Create(new LinearScalarizerSpec { Mode = MethodMode.Reference }, objectives)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Negative_weights_are_refused_which_the_reference_accepts()
    {
        Assert.True(ObjectiveWeights.ReferenceAccepts([-0.5, 1.5]));
        Assert.Contains("(-0.5, 1.5)", Assert.Throws<ArgumentException>(() => ObjectiveWeights.Normalize([-0.5, 1.5])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reference_modes_and_a_missing_leak_are_warned_about_at_the_start()
    {
        ObjectiveSpec[] one = [Objectives.Of("a")];
        Assert.Contains("mode: reference", Assert.Single(ScalarizerRegistry.Create(new LinearScalarizerSpec { Mode = MethodMode.Reference }, one).Warnings), StringComparison.Ordinal);
        Assert.Contains("grow without bound", Assert.Single(ScalarizerRegistry.Create(new CtwaScalarizerSpec { Mode = MethodMode.Reference, Targets = new(0.1) }, one).Warnings), StringComparison.Ordinal);
        Assert.Contains("leak: 0", Assert.Single(ScalarizerRegistry.Create(new CtwaScalarizerSpec { Targets = new(0.1), Leak = 0 }, one).Warnings), StringComparison.Ordinal);
        Assert.Empty(ScalarizerRegistry.Create(new CtwaScalarizerSpec(), one).Warnings);
    }

    [Fact]
    public void Scores_of_another_number_of_objectives_are_refused()
    {
        var scalarizer = new LinearScalarizer(Names, [1, 0, 0]);
        Assert.Contains("scores of 2 objectives, the method has 3 (a, b, c)", Assert.Throws<ArgumentException>(() => scalarizer.Weigh(Objectives.Signals(new double[1, 2], [0]), scalarizer.Initial())).Message, StringComparison.Ordinal);
    }

    [Property(MaxTest = 100)]
    public bool Rewards_do_not_depend_on_the_order_of_objectives_and_state_survives_json(int seed, byte rotation)
    {
        double[] weights = [0.5, 0.3, 0.2];
        int[] order = [.. Enumerable.Range(0, 3).Select(j => (j + rotation) % 3)];
        var outcome = Objectives.Random(seed, 3);
        var one = new LinearScalarizer(Names, weights);
        var two = new LinearScalarizer([.. order.Select(j => Names[j])], [.. order.Select(j => weights[j])]);
        var state = JsonSerializer.Deserialize<ScalarizerState>(JsonSerializer.Serialize(one.Observe(outcome, one.Initial()).State))!;
        var a = (Scalarization.OfRewards)one.Weigh(outcome.Signals, state);
        var b = (Scalarization.OfRewards)two.Weigh(Objectives.Permute(outcome, order).Signals, two.Initial());
        return a.Rewards.Zip(b.Rewards).All(pair => Math.Abs(pair.First - pair.Second) < 1e-12);
    }

    [Property(MaxTest = 200)]
    public bool Raising_a_log_weight_never_lowers_its_weight_and_the_floor_holds(sbyte first, sbyte second, sbyte third, byte lift, byte floor)
    {
        double[] low = [first / 8.0, second / 8.0, third / 8.0], high = [low[0] + (lift / 16.0), low[1], low[2]];
        double smallest = floor / 255.0 / 3;
        double[] before = ObjectiveWeights.SoftmaxWithFloor(low, smallest), after = ObjectiveWeights.SoftmaxWithFloor(high, smallest);
        return after[0] >= before[0] - 1e-12 && after.Concat(before).All(weight => weight >= smallest - 1e-15) && Math.Abs(after.Sum() - 1) < 1e-12;
    }

    [Fact]
    public void Scores_may_be_standardised_before_they_are_weighted()
    {
        double[,] scores = { { 1, 500 }, { 0, 500 }, { 1, 100 }, { 1, 300 } };
        ObjectiveSpec[] objectives = [Objectives.Of("a", 3), Objectives.Of("b", 1)];
        double[] Rewards(ScoreNormalization normalize)
        {
            var scalarizer = ScalarizerRegistry.Create(new LinearScalarizerSpec { Normalize = normalize }, objectives).Scalarizer;
            return ((Scalarization.OfRewards)scalarizer.Weigh(Objectives.Signals(scores, [0, 0, 1, 1]), scalarizer.Initial())).Rewards;
        }

        // Within prompts ±1/√2, and exactly 0 where a prompt's scores do not differ.
        Assert.All(Rewards(ScoreNormalization.Group).Zip([0.75 / Math.Sqrt(2), -0.75 / Math.Sqrt(2), -0.25 / Math.Sqrt(2), 0.25 / Math.Sqrt(2)]), pair => Assert.Equal(pair.Second, pair.First, 1e-5));
        // Over the step: deviations 0.5 and 191.485.
        Assert.Equal((0.75 * 0.25 / 0.5) + (0.25 * 150 / 191.485), Rewards(ScoreNormalization.Batch)[0], 1e-5);
        Assert.Equal((0.75 * 1) + (0.25 * 500), Rewards(ScoreNormalization.None)[0], 1e-9);
    }

    [Fact]
    public void Weights_above_the_floor_keep_their_proportions()
    {
        double[] weights = ObjectiveWeights.SoftmaxWithFloor([Math.Log(0.9), Math.Log(0.09), Math.Log(0.01)], 0.05);
        Assert.Equal(0.05, weights[2]);
        Assert.Equal(10, weights[0] / weights[1], 1e-9);
    }
}
