using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Problems whose fronts are known in closed form, solved by gradient ascent with each method's weights. Objectives are
/// minimised there, so scores are −f; a step is one prompt whose two samples have the same scores.
/// </summary>
public sealed class AnalyticFrontTests
{
    private const int Steps = 20_000;

    private static readonly ObjectiveSpec[] Two = [Objectives.Of("a"), Objectives.Of("b")];

    private static double[] Difference(double[] x, int objective) => [.. x.Select(value => value - ((objective == 0 ? 1 : -1) / Math.Sqrt(x.Length)))];

    /// <summary>VLMOP1: f = ‖x ∓ a‖²/4, a = 1/√n.</summary>
    private static (double Value, double[] Gradient) Vlmop1(double[] x, int objective)
    {
        double[] difference = Difference(x, objective);
        return (difference.Sum(d => d * d) / 4, [.. difference.Select(d => d / 2)]);
    }

    /// <summary>Fonseca–Fleming: f = 1 − exp(−‖x ∓ a‖²); its front is concave.</summary>
    private static (double Value, double[] Gradient) FonsecaFleming(double[] x, int objective)
    {
        double[] difference = Difference(x, objective);
        double rest = Math.Exp(-difference.Sum(d => d * d));
        return (1 - rest, [.. difference.Select(d => 2 * d * rest)]);
    }

    private static double[] Solve(ScalarizerSpec spec, Func<double[], int, (double Value, double[] Gradient)> problem, ObjectiveSpec[]? objectives = null, double start = 0.3)
    {
        var scalarizer = ScalarizerRegistry.Create(spec, objectives ?? Two).Scalarizer;
        var state = scalarizer.Initial();
        double[] x = [0.3, 0.1, -0.2];
        for (int step = 1; step <= Steps; step++)
        {
            var (first, second) = (problem(x, 0), problem(x, 1));
            var outcome = Objectives.Outcome(new double[,] { { -first.Value, -second.Value }, { -first.Value, -second.Value } }, [0, 0], [0, 0]);
            double[] weights = scalarizer.Weigh(outcome.Signals, state).Weights;
            double rate = start / (1 + (step / 400.0));
            for (int i = 0; i < x.Length; i++) { x[i] -= rate * ((weights[0] * first.Gradient[i]) + (weights[1] * second.Gradient[i])); }
            state = scalarizer.Observe(outcome, state).State;
        }

        return [problem(x, 0).Value, problem(x, 1).Value];
    }

    private static void Ends(double first, double second, double[] actual)
    {
        Assert.Equal(first, actual[0], 5e-3);
        Assert.Equal(second, actual[1], 5e-3);
    }

    public static TheoryData<string> MinMaxMethods() => ["tchebycheff", "tchebycheff sample", "stch", "stch sample"];

    private static ScalarizerSpec MinMax(string name) => name switch
    {
        "tchebycheff" => new TchebycheffScalarizerSpec { Ideal = new(0.0), Epsilon = 0, EmaRate = 1 },
        "tchebycheff sample" => new TchebycheffScalarizerSpec { Ideal = new(0.0), Form = DistanceForm.Sample },
        "stch" => new StchScalarizerSpec { Ideal = new(0.0), EmaRate = 1, Mu = 0.02 },
        _ => new StchScalarizerSpec { Ideal = new(0.0), Form = DistanceForm.Sample, Mu = 0.02 },
    };

    [Fact]
    public void Linear_weights_on_the_convex_front_of_vlmop1_end_at_the_squares_of_each_other()
    {
        Ends(0.25, 0.25, Solve(new LinearScalarizerSpec(), Vlmop1));
        Ends(0.09, 0.49, Solve(new LinearScalarizerSpec(), Vlmop1, [Objectives.Of("a", 7), Objectives.Of("b", 3)]));
    }

    [Fact]
    public void Equal_linear_weights_on_the_concave_front_of_fonseca_fleming_end_at_an_extreme()
    {
        // The stationary point lies a hair inside the extreme (0, .9817), where the first gradient is 0 and the second is not.
        Ends(0, 0.9817, Solve(new LinearScalarizerSpec(), FonsecaFleming));
    }

    [Theory]
    [MemberData(nameof(MinMaxMethods))]
    public void Tchebycheff_and_its_smooth_form_reach_the_middle_of_both_fronts(string name)
    {
        Ends(0.6321, 0.6321, Solve(MinMax(name), FonsecaFleming));
        Ends(0.25, 0.25, Solve(MinMax(name), Vlmop1));
    }

    [Fact]
    public void Tchebycheff_weights_choose_the_point_of_the_front_where_weighted_distances_are_equal()
    {
        double[] end = Solve(MinMax("tchebycheff"), Vlmop1, [Objectives.Of("a", 4), Objectives.Of("b", 1)]);
        Assert.Equal(4 * end[0], end[1], 2e-2);
        Assert.Equal(1, Math.Sqrt(end[0]) + Math.Sqrt(end[1]), 2e-2);
    }

    [Fact]
    public void Distances_scaled_by_the_nadir_do_not_care_for_the_unit_of_an_objective()
    {
        (double Value, double[] Gradient) Scaled(double[] x, int objective)
        {
            var (value, gradient) = FonsecaFleming(x, objective);
            return objective == 0 ? (value, gradient) : (4 * value, [.. gradient.Select(one => 4 * one)]);
        }

        double[] end = Solve(new TchebycheffScalarizerSpec { Ideal = new(0.0), Nadir = new([-1.0, -4.0]), EmaRate = 1 }, Scaled, start: 0.1);
        Ends(0.6321, 0.6321, [end[0], end[1] / 4]);
    }

    /// <summary>Policy (.4, .3, .2, .1) over four answers as ten samples: within-prompt population moments are the policy's.</summary>
    [Fact]
    public void The_covariance_law_predicts_a_mirror_step_and_not_a_step_of_the_logits()
    {
        double[] policy = [0.4, 0.3, 0.2, 0.1];
        double[][] rewards = [[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]];
        int[] answers = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3];
        var scores = new double[answers.Length, 3];
        for (int b = 0; b < answers.Length; b++)
        {
            for (int j = 0; j < 3; j++) { scores[b, j] = rewards[j][answers[b]]; }
        }

        var signals = Objectives.Signals(scores, new int[answers.Length]);
        var linear = ScalarizerRegistry.Create(new LinearScalarizerSpec(), [Objectives.Of("a"), Objectives.Of("b"), Objectives.Of("c")]).Scalarizer;
        double[] scalar = ((Scalarization.OfRewards)linear.Weigh(signals, linear.Initial())).Rewards;
        double[] covariance = WithinPromptStatistics.Compute(scores, scalar, signals.Groups, signals.Valid).Covariance;
        Assert.Equal(0.026667, covariance[0], 1e-6);
        Assert.Equal(0.033333, covariance[1], 1e-6);
        Assert.Equal(-0.006667, covariance[2], 1e-6);
        Assert.Equal(0.017778, covariance.Average(), 1e-6);

        double[] s = [.. Enumerable.Range(0, 4).Select(a => rewards.Average(reward => reward[a]))];
        const double rate = 1e-4;
        double[] tilted = [.. policy.Select((p, a) => p * Math.Exp(rate * s[a]))];
        double total = tilted.Sum();
        double[] logit = [0.004, 0.008, 0];
        for (int j = 0; j < 3; j++)
        {
            double before = policy.Select((p, a) => p * rewards[j][a]).Sum(), mean = policy.Select((p, a) => p * s[a]).Sum();
            Assert.Equal(covariance[j], (tilted.Select((p, a) => p / total * rewards[j][a]).Sum() - before) / rate, 1e-5);
            Assert.Equal(logit[j], policy.Select((p, a) => p * (rewards[j][a] - before) * p * (s[a] - mean)).Sum(), 1e-9);
        }
    }
}
