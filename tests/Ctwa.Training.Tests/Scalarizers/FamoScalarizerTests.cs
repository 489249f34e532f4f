using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class FamoScalarizerTests
{
    private static readonly ObjectiveSpec[] Two = [Objectives.Of("a"), Objectives.Of("b")];

    private static StepOutcome Means(double first, double second) => Objectives.Outcome(new double[,] { { first, second } }, [0], [0]);

    private static double[] Weights(IScalarizer scalarizer, StepOutcome outcome, ScalarizerState state) => ((Scalarization.OfRewards)scalarizer.Weigh(outcome.Signals, state)).Weights;

    [Fact]
    public void The_first_step_weighs_by_the_inverse_gaps_and_the_objectives_weights()
    {
        var scalarizer = new FamoScalarizer(new() { Ideal = new(1.0), Epsilon = 0.1 }, [Objectives.Of("a", 3), Objectives.Of("b", 1)]);
        // Gaps 0.5 and 0.9 with epsilon: 0.75/0.5 against 0.25/0.9.
        double[] weights = Weights(scalarizer, Means(0.6, 0.2), scalarizer.Initial());
        Assert.Equal(0.75 / 0.5 / ((0.75 / 0.5) + (0.25 / 0.9)), weights[0], 1e-12);
    }

    /// <summary>The update written out as LibMTL's: gradient of softmax against Δ log D, then Adam with decay.</summary>
    [Fact]
    public void The_logits_move_by_adam_on_the_achieved_falls_of_the_logarithms()
    {
        var options = new FamoScalarizerSpec { Ideal = new(1.0), Epsilon = 0.1, EmaRate = 1, LearningRate = 0.025, Decay = 0.001 };
        var scalarizer = new FamoScalarizer(options, Two);
        (double, double)[] means = [(0.2, 0.2), (0.5, 0.2), (0.6, 0.1), (0.6, 0.7)];
        var state = scalarizer.Initial();
        double[] logits = [0, 0], m = [0, 0], v = [0, 0], gaps = [];
        for (int step = 0; step < means.Length; step++)
        {
            double[] now = [1.1 - means[step].Item1, 1.1 - means[step].Item2];
            if (step > 0)
            {
                double total = Math.Exp(logits[0]) + Math.Exp(logits[1]);
                double[] z = [Math.Exp(logits[0]) / total, Math.Exp(logits[1]) / total], delta = [Math.Log(gaps[0] / now[0]), Math.Log(gaps[1] / now[1])];
                double[] gradient = [(z[0] * (1 - z[0]) * delta[0]) - (z[0] * z[1] * delta[1]) + (0.001 * logits[0]), (z[1] * (1 - z[1]) * delta[1]) - (z[0] * z[1] * delta[0]) + (0.001 * logits[1])];
                for (int j = 0; j < 2; j++)
                {
                    m[j] = (0.9 * m[j]) + (0.1 * gradient[j]);
                    v[j] = (0.999 * v[j]) + (0.001 * gradient[j] * gradient[j]);
                    logits[j] -= 0.025 * (m[j] / (1 - Math.Pow(0.9, step))) / (Math.Sqrt(v[j] / (1 - Math.Pow(0.999, step))) + 1e-8);
                }
            }

            gaps = now;
            state = scalarizer.Observe(Means(means[step].Item1, means[step].Item2), state).State;
            Assert.Equal(logits[0], state.Vector("logits")[0], 1e-9);
            Assert.Equal(logits[1], state.Vector("logits")[1], 1e-9);
        }
    }

    [Fact]
    public void An_objective_whose_gap_closes_faster_loses_logit_to_the_one_that_stands_still()
    {
        var scalarizer = new FamoScalarizer(new() { Ideal = new(1.0) }, Two);
        var state = scalarizer.Initial();
        for (int step = 0; step < 40; step++) { state = scalarizer.Observe(Means(step / 50.0, 0.3), state).State; }
        Assert.True(state.Vector("logits")[1] > state.Vector("logits")[0] + 0.5, ObjectiveWeights.Show(state.Vector("logits")));
    }

    [Fact]
    public void An_ideal_that_rises_is_no_regress()
    {
        var scalarizer = new FamoScalarizer(new() { EmaRate = 0.3, Decay = 0 }, Two);
        var state = scalarizer.Observe(Objectives.Outcome(new double[,] { { 0, 0 }, { 1, 1 } }, [0, 0], [0, 0]), scalarizer.Initial()).State;
        // The same means, but one sample reaches further: the ideal of a rises from 1 to 3.
        state = scalarizer.Observe(Objectives.Outcome(new double[,] { { -2, 0 }, { 3, 1 } }, [0, 0], [0, 0]), state).State;
        Assert.Equal([3, 1], state.Vector("ideal"));
        Assert.Equal(0, state.Vector("logits")[0], 1e-9);
    }

    [Fact]
    public void A_mean_beyond_a_given_ideal_keeps_the_gap_positive_and_the_weights_finite()
    {
        var scalarizer = new FamoScalarizer(new() { Ideal = new(0.5) }, Two);
        double[] weights = Weights(scalarizer, Means(2, 0.1), scalarizer.Initial());
        Assert.Equal((1 / 0.01) / ((1 / 0.01) + (1 / 0.41)), weights[0], 1e-9);
        Assert.All(scalarizer.Observe(Means(2, 0.1), scalarizer.Initial()).Metrics["gap"], gap => Assert.True(gap > 0));
    }

    [Fact]
    public void Options_that_do_not_fit_are_refused()
    {
        Assert.Contains("epsilon is 0", Assert.Throws<ArgumentException>(() => new FamoScalarizer(new() { Epsilon = 0 }, Two)).Message, StringComparison.Ordinal);
        Assert.Contains("(1, 0)", Assert.Throws<ArgumentException>(() => new FamoScalarizer(new(), [Two[0], Objectives.Of("b", 0)])).Message, StringComparison.Ordinal);
        Assert.Contains("ideal has 3 entries", Assert.Throws<ArgumentException>(() => new FamoScalarizer(new() { Ideal = new([1.0, 1, 1]) }, Two)).Message, StringComparison.Ordinal);
    }
}
