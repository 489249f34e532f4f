using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

/// <summary>Whole runs of corrected CTWA on problems whose outcome is known.</summary>
public sealed class CtwaTrajectoryTests
{
    private static readonly ObjectiveSpec[] Pair = [Objectives.Of("first", 0.2), Objectives.Of("second", 0.8)];

    /// <summary>Eight samples whose two objectives have unit variance and the given correlation, exactly.</summary>
    private static double[,] Correlated(double correlation)
    {
        var scores = new double[8, 2];
        for (int b = 0; b < 8; b++)
        {
            double x = b < 4 ? 1 : -1, y = b % 4 < 2 ? 1 : -1;
            scores[b, 0] = x;
            scores[b, 1] = (correlation * x) + (Math.Sqrt(1 - (correlation * correlation)) * y);
        }

        return scores;
    }

    private static double[] Run(IScalarizer scalarizer, double[,] scores, int steps, Action<ScalarizerState>? each = null)
    {
        var groups = new int[scores.GetLength(0)];
        var state = scalarizer.Initial();
        for (int step = 1; step <= steps; step++)
        {
            var signals = Objectives.Signals(scores, groups, step: step);
            var weighed = (Scalarization.OfRewards)scalarizer.Weigh(signals, state);
            state = scalarizer.Observe(new() { Signals = signals, TrainingSignal = weighed.Rewards }, state).State;
            each?.Invoke(state);
        }

        return ((Scalarization.OfRewards)scalarizer.Weigh(Objectives.Signals(scores, groups), state)).Weights;
    }

    [Fact]
    public void A_crowded_out_objective_gains_weight_up_to_the_analytic_fixed_point()
    {
        const double Correlation = -0.5, Target = 0.25;
        var options = new CtwaScalarizerSpec { Targets = new(Target), Floor = 0 };
        double CorrelationAt(double w) => (w + (Correlation * (1 - w))) / Math.Sqrt((w * w) + ((1 - w) * (1 - w)) + (2 * Correlation * w * (1 - w)));
        double LogOdds(double w) => Math.Log(w / (1 - w));

        // Fixed point: rise of the first log-weight = η/ρ·(target − its correlation); the second has no deficit there.
        double low = 0.2, high = 0.8;
        for (int i = 0; i < 200; i++)
        {
            double middle = (low + high) / 2;
            bool below = LogOdds(middle) - LogOdds(0.2) < options.LearningRate / options.Leak * Math.Max(0, Target - CorrelationAt(middle));
            (low, high) = below ? (middle, high) : (low, middle);
        }

        Assert.True(CorrelationAt(0.2) < 0, "the toy must start with the first objective pushed down");
        Assert.True(CorrelationAt(1 - low) > Target, "the toy needs a second objective without deficit");
        double[] weights = Run(new CtwaScalarizer(options, Pair), Correlated(Correlation), 600);
        Assert.Equal(low, weights[0], 1e-9);
        Assert.True(CorrelationAt(weights[0]) > 0, "at the fixed point the training signal pushes the first objective up");
    }

    [Fact]
    public void An_unreachable_target_leaves_log_weights_bounded_where_the_reference_grows_without_end()
    {
        // Opposite objectives: both correlations cannot be 0.9, whatever the weights.
        var options = new CtwaScalarizerSpec { Targets = new(0.9), LearningRate = 0.5, Leak = 0.05 };
        var scalarizer = new CtwaScalarizer(options, Pair);
        double[] start = scalarizer.Initial().Vector("log_weights");
        double bound = options.LearningRate * (0.9 + 1) / options.Leak, largest = 0;
        double[] weights = Run(scalarizer, Correlated(-1 + 1e-9), 2000, state =>
        {
            double[] now = state.Vector("log_weights");
            for (int j = 0; j < 2; j++) { largest = Math.Max(largest, Math.Abs(now[j] - start[j])); }
        });
        Assert.InRange(largest, 1, bound);
        Assert.Equal(1, weights.Sum(), 1e-12);
        Assert.All(weights, weight => Assert.True(weight >= options.Floor));

        var reference = new CtwaReferenceScalarizer(options with { Mode = MethodMode.Reference, Targets = new(0.15), LearningRate = 0.05 }, [Objectives.Of("a")]);
        var state = reference.Initial();
        for (int step = 0; step < 810; step++) { (state, _) = reference.Update(state, [0], [0]); }
        Assert.Equal(434.865, CtwaReferenceScalarizer.Weights(state)[0], 0.05);
    }

    [Fact]
    public void On_a_bandit_where_linear_weights_give_an_objective_up_ctwa_recovers_it()
    {
        // Three answers to every prompt: useless, short and wrong, right and long. At the start weights the short one has
        // the largest scalar reward, so linear weights drive the first objective to 0.
        double[,] answers = { { 0, 0 }, { 0, 1 }, { 1, 0.4 } };
        ObjectiveSpec[] objectives = [Objectives.Of("accuracy", 0.3), Objectives.Of("brevity", 0.7)];
        double linear = Bandit(ScalarizerRegistry.Create(new LinearScalarizerSpec(), objectives).Scalarizer, answers, out _);
        var spec = new CtwaScalarizerSpec { Targets = new(0.25), ObjectiveTargets = new([1.0, 0.35]) };
        double adapted = Bandit(ScalarizerRegistry.Create(spec, objectives).Scalarizer, answers, out double[] weights);
        Assert.InRange(linear, 0, 0.01);
        Assert.True(adapted > 0.65, $"accuracy went from 0.3 to {adapted}, weights {ObjectiveWeights.Show(weights)}");

        // Scalar rewards tie at w₁ = 0.375. Correlations are scale-free, so the controller stops just above it.
        Assert.InRange(weights[0], 0.36, 0.45);
    }

    /// <summary>Probability of the right answer after exact mirror steps π ∝ π·exp(η·s); the method sees samples.</summary>
    private static double Bandit(IScalarizer scalarizer, double[,] answers, out double[] weights)
    {
        const int Prompts = 8, Samples = 16, Steps = 400;
        const double Rate = 0.25;
        double[] policy = [0.2, 0.5, 0.3];
        var state = scalarizer.Initial();
        weights = [];
        for (int step = 1; step <= Steps; step++)
        {
            var scores = new double[Prompts * Samples, 2];
            for (int b = 0; b < Prompts * Samples; b++)
            {
                double draw = CounterRandom.Uniform(7, RandomPurpose.Test, step, b, 0, 0);
                int answer = draw < policy[0] ? 0 : draw < policy[0] + policy[1] ? 1 : 2;
                (scores[b, 0], scores[b, 1]) = (answers[answer, 0], answers[answer, 1]);
            }

            var signals = Objectives.Signals(scores, [.. Enumerable.Range(0, Prompts * Samples).Select(b => b / Samples)], step: step);
            var weighed = (Scalarization.OfRewards)scalarizer.Weigh(signals, state);
            state = scalarizer.Observe(new() { Signals = signals, TrainingSignal = weighed.Rewards }, state).State;
            weights = weighed.Weights;
            for (int a = 0; a < 3; a++) { policy[a] *= Math.Exp(Rate * ((weights[0] * answers[a, 0]) + (weights[1] * answers[a, 1]))); }
            double sum = policy.Sum();
            for (int a = 0; a < 3; a++) { policy[a] /= sum; }
        }

        return policy[2];
    }
}
