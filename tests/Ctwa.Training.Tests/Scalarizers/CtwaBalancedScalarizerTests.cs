using System.Text.Json;
using Ctwa.Training.Specification;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class CtwaBalancedScalarizerTests
{
    private static readonly ObjectiveSpec[] Three = [Objectives.Of("accuracy"), Objectives.Of("conciseness"), Objectives.Of("clarity")];

    private static string Json(ScalarizerState state) => JsonSerializer.Serialize(state);

    private static double[] WeightsOf(IScalarizer scalarizer, StepOutcome outcome, ScalarizerState state) => ((Scalarization.OfRewards)scalarizer.Weigh(outcome.Signals, state)).Weights;

    /// <summary>corr(r_j, Σ λ_k r_k) within prompts from a matrix of moments.</summary>
    private static double[] Correlations(double[] moments, double[] weights)
    {
        int width = weights.Length;
        double[] with = [.. Enumerable.Range(0, width).Select(j => Enumerable.Range(0, width).Sum(k => moments[(j * width) + k] * weights[k]))];
        double deviation = Math.Sqrt(weights.Zip(with, (w, c) => w * c).Sum());
        return [.. with.Select((c, j) => c / Math.Sqrt(moments[j * (width + 1)]) / deviation)];
    }

    [Fact]
    public void Ctwa_without_targets_is_the_balanced_method_and_with_targets_the_controller()
    {
        Assert.IsType<CtwaBalancedScalarizer>(ScalarizerRegistry.Create(new CtwaScalarizerSpec(), Three).Scalarizer);
        Assert.IsType<CtwaScalarizer>(ScalarizerRegistry.Create(new CtwaScalarizerSpec { Targets = new(0.25) }, Three).Scalarizer);
    }

    [Fact]
    public void Two_objectives_weigh_inversely_to_their_spread_whatever_their_correlation()
    {
        // Standard deviations 1 and 3, correlation -0.5: standardised weights are equal by symmetry.
        var (weights, correlations) = CorrelationBalance.Solve([1, -1.5, -1.5, 9], [1, 1]);
        Assert.Equal(1, weights[0] / weights[1], 1e-12);
        Assert.Equal(0.5, correlations[0], 1e-12);
        Assert.Equal(0.5, correlations[1], 1e-12);
    }

    [Fact]
    public void An_objective_against_two_that_agree_weighs_as_much_as_both()
    {
        double[] moments = [1, -0.5, -0.5, -0.5, 1, 1, -0.5, 1, 1];
        var (weights, correlations) = CorrelationBalance.Solve(moments, [1, 1, 1]);
        Assert.Equal(weights[0], weights[1] + weights[2], 1e-9);
        Assert.All(correlations, correlation => Assert.Equal(0.5, correlation, 1e-9));
    }

    [Fact]
    public void Weights_of_the_objectives_are_the_proportions_of_the_correlations()
    {
        var (_, correlations) = CorrelationBalance.Solve([1, 0, 0, 1], [2, 1]);
        Assert.Equal(2, correlations[0] / correlations[1], 1e-9);
    }

    [Property(MaxTest = 60)]
    public bool No_other_weights_give_the_worst_objective_a_larger_correlation(int seed)
    {
        double[] moments = WithinPromptMoments.Of(Objectives.Random(seed, 3).Signals);
        var (standardised, promised) = CorrelationBalance.Solve(moments, [1, 1, 1]);
        double[] solved = [.. standardised.Select((w, j) => w / Math.Sqrt(moments[j * 4]))];
        double[] best = Correlations(moments, solved);
        if (promised.Where((p, j) => Math.Abs(p - best[j]) > 1e-6).Any()) { return false; }
        for (int i = 0; i <= 20; i++)
        {
            for (int k = 0; k + i <= 20; k++)
            {
                if (Correlations(moments, [i / 20.0, k / 20.0, (20 - i - k) / 20.0]).Min() > best.Min() + 1e-6) { return false; }
            }
        }

        return true;
    }

    [Fact]
    public void The_first_step_is_weighed_from_its_own_samples()
    {
        // The first objective runs against the other two: at equal weights the scalar reward pushes it down.
        double[,] scores = { { 1, 0, 0 }, { 1, 0, 0 }, { 0, 1, 1 }, { 0, 1, 1 }, { 0, 1, 1 }, { 1, 1, 1 } };
        var outcome = Objectives.Outcome(scores, [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]);
        double[] moments = WithinPromptMoments.Of(outcome.Signals);
        Assert.True(Correlations(moments, [1, 1, 1])[0] < 0, "the toy must start with the first objective pushed down");
        var scalarizer = new CtwaBalancedScalarizer(new(), Three);
        Assert.All(Correlations(moments, WeightsOf(scalarizer, outcome, scalarizer.Initial())), correlation => Assert.True(correlation > 0.1, $"{correlation}"));
    }

    [Fact]
    public void Nothing_accumulates_however_long_objectives_oppose_each_other()
    {
        var scalarizer = new CtwaBalancedScalarizer(new(), [Objectives.Of("a"), Objectives.Of("b")]);
        var opposed = Objectives.Outcome(new double[,] { { 0, 1 }, { 1, 0 }, { 0, 3 } }, [0, 0, 0], [0, 0, 0]);
        var state = scalarizer.Observe(opposed, scalarizer.Initial()).State;
        double[] first = WeightsOf(scalarizer, opposed, state);
        for (int step = 0; step < 500; step++) { state = scalarizer.Observe(opposed, state).State; }
        double[] last = WeightsOf(scalarizer, opposed, state);
        for (int j = 0; j < 2; j++) { Assert.Equal(first[j], last[j], 1e-9); }
    }

    [Fact]
    public void An_objective_that_is_nearly_solved_does_not_outweigh_everything_else()
    {
        var scalarizer = new CtwaBalancedScalarizer(new(), [Objectives.Of("a"), Objectives.Of("b")]);
        var early = Objectives.Outcome(new double[,] { { 0, 1 }, { 1, 0 }, { 0, 0 }, { 1, 1 } }, [0, 0, 0, 0], [0, 0, 0, 0]);
        var late = Objectives.Outcome(new double[,] { { 1, 1 }, { 1, 0 }, { 1, 0 }, { 1, 1 } }, [0, 0, 0, 0], [0, 0, 0, 0]);
        var state = scalarizer.Observe(early, scalarizer.Initial()).State;
        for (int step = 0; step < 200; step++) { state = scalarizer.Observe(late, state).State; }
        double[] weights = WeightsOf(scalarizer, late, state);
        Assert.True(weights[0] <= 10.0 / 11 + 1e-9, ObjectiveWeights.Show(weights));
    }

    [Fact]
    public void Without_variation_within_a_prompt_the_start_weights_stay()
    {
        var scalarizer = new CtwaBalancedScalarizer(new(), [Objectives.Of("a", 3), Objectives.Of("b", 1)]);
        var outcome = Objectives.Outcome(new double[,] { { 1, 0 }, { 1, 0 }, { 0, 1 } }, [0, 0, 1], [0, 0, 0]);
        double[] weights = WeightsOf(scalarizer, outcome, scalarizer.Observe(outcome, scalarizer.Initial()).State);
        Assert.Equal(0.75, weights[0], 1e-12);
    }

    [Property(MaxTest = 40)]
    public bool Weights_are_normalised_floored_pure_and_survive_a_checkpoint(int seed)
    {
        var options = new CtwaScalarizerSpec { Floor = 0.1 };
        var scalarizer = new CtwaBalancedScalarizer(options, Three);
        var (straight, resumed) = (scalarizer.Initial(), scalarizer.Initial());
        for (int step = 0; step < 6; step++)
        {
            var outcome = Objectives.Random((seed * 10L) + step, 3);
            double[] weights = WeightsOf(scalarizer, outcome, straight);
            if (Math.Abs(weights.Sum() - 1) > 1e-12 || weights.Any(weight => weight < 0.1 - 1e-12)) { return false; }
            string before = Json(straight);
            var next = scalarizer.Observe(outcome, straight).State;
            if (Json(straight) != before) { return false; }
            straight = next;
            resumed = JsonSerializer.Deserialize<ScalarizerState>(Json(scalarizer.Observe(outcome, resumed).State))!;
        }

        return Json(straight) == Json(resumed);
    }

    [Fact]
    public void Targets_are_refused_because_they_belong_to_the_controller() =>
        Assert.Contains("belong to the controller", Assert.Throws<ArgumentException>(() => new CtwaBalancedScalarizer(new() { Targets = new(0.2) }, Three)).Message, StringComparison.Ordinal);
}
