using Ctwa.Training.Advantages;
using Ctwa.Training.Specification;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers;

/// <summary>Tchebycheff and its smooth form.</summary>
public sealed class IdealPointScalarizerTests
{
    private static readonly ObjectiveSpec[] Three = [Objectives.Of("a", 1), Objectives.Of("b", 1), Objectives.Of("c", 1)];

    private static readonly double Third = 1.0 / 3;

    private static ObjectiveSpec[] ThreeThirds => [Objectives.Of("a", Third), Objectives.Of("b", Third), Objectives.Of("c", Third)];

    private static Scalarization.OfRewards Weigh(ScalarizerSpec spec, double[,] scores, int[] groups, ObjectiveSpec[]? objectives = null)
    {
        var scalarizer = ScalarizerRegistry.Create(spec, objectives ?? ThreeThirds).Scalarizer;
        return (Scalarization.OfRewards)scalarizer.Weigh(Objectives.Signals(scores, groups), scalarizer.Initial());
    }

    [Fact]
    public void The_sample_form_is_minus_the_largest_weighted_distance()
    {
        var spec = new TchebycheffScalarizerSpec { Form = DistanceForm.Sample, Ideal = new(1.0), Epsilon = 0 };
        var weighed = Weigh(spec, new double[,] { { 1, 1, 1 }, { 0, 1, 1 }, { 0.5, 0.25, 1 }, { 0, 0, 0 } }, [0, 0, 0, 0]);
        Assert.Equal([0, -Third, -Third * 0.75, -Third], weighed.Rewards.Select(reward => reward + 0.0), (a, b) => Math.Abs(a - b) < 1e-12);
        // Binding objective per sample: all tie, a, b, all tie.
        Assert.Equal(((2 * Third) + 1) / 4, weighed.Weights[0], 1e-12);
        Assert.Equal(2 * Third / 4, weighed.Weights[2], 1e-12);
    }

    [Fact]
    public void The_expected_form_follows_the_farthest_mean_and_shares_ties()
    {
        var spec = new TchebycheffScalarizerSpec { Ideal = new(1.0) };
        Assert.Equal([0, 1, 0], Weigh(spec, new double[,] { { 1, 0, 1 }, { 0, 0, 1 } }, [0, 0]).Weights);
        Assert.Equal([0.5, 0.5, 0], Weigh(spec, new double[,] { { 1, 0, 1 }, { 0, 1, 1 } }, [0, 0]).Weights);
        // A larger weight brings an objective forward: 3 × 0.3 against 1 × 0.5.
        Assert.Equal([1, 0, 0], Weigh(spec, new double[,] { { 0.7, 0.5, 1 } }, [0], [Objectives.Of("a", 3), Three[1], Three[2]]).Weights);
        Assert.Equal([0, 1, 0], Weigh(spec, new double[,] { { 0.7, 0.5, 1 } }, [0]).Weights);
    }

    [Fact]
    public void An_objective_of_weight_zero_does_not_take_part()
    {
        ObjectiveSpec[] objectives = [Objectives.Of("a", 0), Three[1], Three[2]];
        foreach (var spec in (ScalarizerSpec[])[new TchebycheffScalarizerSpec { Ideal = new(1.0) }, new StchScalarizerSpec { Ideal = new(1.0) }])
        {
            Assert.Equal(0, Weigh(spec, new double[,] { { -9, 0.5, 0.9 } }, [0], objectives).Weights[0]);
        }
    }

    [Fact]
    public void The_score_does_not_depend_on_the_length_of_an_answer_where_the_reference_charges_every_token()
    {
        // A perfect answer of 400 tokens and a useless one of 20.
        double[,] scores = { { 1, 1, 1 }, { 0, 0, 0 } };
        int[] lengths = [400, 20];
        double[] Returns(TchebycheffScalarizerSpec spec)
        {
            var scalarizer = ScalarizerRegistry.Create(spec, ThreeThirds).Scalarizer;
            var of = (Scalarization.OfRewards)scalarizer.Weigh(Objectives.Signals(scores, [0, 0]) with { Lengths = lengths }, scalarizer.Initial());
            return [.. of.Rewards.Select((reward, b) => reward + ((lengths[b] - 1) * of.EarlierTokenReward))];
        }

        double[] reference = Returns(new() { Mode = MethodMode.Reference });
        Assert.Equal(-133, reference[0], 0.5);
        Assert.Equal(-6.7, reference[1], 0.05);
        double[] corrected = Returns(new() { Form = DistanceForm.Sample, Epsilon = 0 });
        Assert.Equal(0, corrected[0], 1e-12);
        Assert.Equal(-Third, corrected[1], 1e-12);
    }

    [Theory]
    [InlineData(4, -1.5)]
    [InlineData(100, -49.5)]
    public void At_the_ideal_point_the_reference_still_charges_by_length(int length, double expected)
    {
        var scalarizer = new TchebycheffReferenceScalarizer(new() { Mode = MethodMode.Reference }, [Objectives.Of("a", 0.5), Objectives.Of("b", 0.5)]);
        var of = (Scalarization.OfRewards)scalarizer.Weigh(Objectives.Signals(new double[,] { { 1, 1 } }, [0]), scalarizer.Initial());
        Assert.Equal(expected, of.Rewards[0] + ((length - 1) * of.EarlierTokenReward), 1e-12);
    }

    [Fact]
    public void The_ideal_may_lie_below_zero_where_the_reference_pads_it_to_zero()
    {
        var outcome = Objectives.Outcome(new double[,] { { -3, -2 }, { -5, -1 } }, [0, 0], [0, 0]);
        ObjectiveSpec[] two = [Objectives.Of("a", 0.5), Objectives.Of("b", 0.5)];
        var corrected = ScalarizerRegistry.Create(new TchebycheffScalarizerSpec(), two).Scalarizer;
        var reference = ScalarizerRegistry.Create(new TchebycheffScalarizerSpec { Mode = MethodMode.Reference }, two).Scalarizer;
        Assert.Equal([-3, -1], corrected.Observe(outcome, corrected.Initial()).State.Vector("ideal"));
        Assert.Equal([0, 0], reference.Observe(outcome, reference.Initial()).State.Vector("ideal"));
    }

    [Fact]
    public void The_running_ideal_includes_the_step_keeps_earlier_ones_and_a_given_ideal_stays()
    {
        var running = ScalarizerRegistry.Create(new TchebycheffScalarizerSpec(), Three).Scalarizer;
        var high = Objectives.Outcome(new double[,] { { 1, 5, 0 } }, [0], [0]);
        var low = Objectives.Outcome(new double[,] { { 2, 1, -1 } }, [0], [0]);
        Assert.Equal([2, 5, 0], running.Observe(low, running.Observe(high, running.Initial()).State).State.Vector("ideal"));
        var given = ScalarizerRegistry.Create(new TchebycheffScalarizerSpec { Ideal = new(1.0) }, Three).Scalarizer;
        Assert.Equal([1, 1, 1], given.Observe(high, given.Initial()).State.Vector("ideal"));
    }

    [Fact]
    public void A_whitening_estimator_sees_a_signal_where_answers_differ()
    {
        var of = Weigh(new TchebycheffScalarizerSpec { Form = DistanceForm.Sample }, new double[,] { { 1, 1, 1 }, { 1, 0, 1 }, { 0, 0, 1 } }, [0, 0, 0]);
        double[] advantages = OutcomeEstimator.Estimate(new AdvantageSpec { Estimator = AdvantageEstimator.Grpo }, of.Rewards, [400, 2, 30], [0, 0, 0], [true, true, true]).MeanTokenAdvantage();
        Assert.True(advantages[0] > 1 && advantages[1] < 0 && Math.Abs(advantages[1] - advantages[2]) < 1e-12);
    }

    [Property(MaxTest = 60)]
    public bool The_smooth_form_lies_between_the_maximum_and_the_maximum_plus_mu_log_m(int seed)
    {
        var signals = Objectives.Random(seed, 3).Signals;
        double[] Rewards(ScalarizerSpec spec)
        {
            var scalarizer = ScalarizerRegistry.Create(spec, Three).Scalarizer;
            return ((Scalarization.OfRewards)scalarizer.Weigh(signals, scalarizer.Initial())).Rewards;
        }

        double[] hard = Rewards(new TchebycheffScalarizerSpec { Form = DistanceForm.Sample, Ideal = new(1.0) });
        foreach (double mu in (double[])[1e-6, 0.01, 0.1, 10])
        {
            double[] smooth = Rewards(new StchScalarizerSpec { Form = DistanceForm.Sample, Ideal = new(1.0), Mu = mu });
            for (int b = 0; b < hard.Length; b++)
            {
                if (smooth[b] > hard[b] + 1e-12 || smooth[b] < hard[b] - (mu * Math.Log(3)) - 1e-12) { return false; }
            }
        }

        return true;
    }

    [Fact]
    public void The_smooth_weights_are_weight_times_softmax_from_the_maximum_to_linear()
    {
        double[,] scores = { { 0.2, 0.6, 0.9 } };
        double[] Weights(double mu) => Weigh(new StchScalarizerSpec { Ideal = new(1.0), Epsilon = 0, Mu = mu }, scores, [0], [Objectives.Of("a", 2), Three[1], Three[2]]).Weights;
        double[] raw = [0.5 * Math.Exp(0.5 * 0.8 / 0.1), 0.25 * Math.Exp(0.25 * 0.4 / 0.1), 0.25 * Math.Exp(0.25 * 0.1 / 0.1)];
        Assert.All(Weights(0.1).Zip(raw), pair => Assert.Equal(pair.Second / raw.Sum(), pair.First, 1e-12));
        Assert.Equal(1, Weights(1e-6)[0], 1e-12);
        Assert.Equal(0.5, Weights(1e6)[0], 1e-6);
        Assert.Equal(0.25, Weights(1e6)[2], 1e-6);
    }

    [Fact]
    public void Options_that_do_not_fit_are_refused()
    {
        string Refused(ScalarizerSpec spec) => Assert.Throws<ArgumentException>(() => ScalarizerRegistry.Create(spec, Three)).Message;
        Assert.Contains("nadir needs ideal", Refused(new TchebycheffScalarizerSpec { Nadir = new(0.0) }), StringComparison.Ordinal);
        Assert.Contains("nadir of 'b' is 1, not below its ideal 1", Refused(new StchScalarizerSpec { Ideal = new(1.0), Nadir = new([0.0, 1.0, 2.0]) }), StringComparison.Ordinal);
        Assert.Contains("ideal has 2 entries for 3", Refused(new TchebycheffScalarizerSpec { Ideal = new([1.0, 1.0]) }), StringComparison.Ordinal);
        Assert.Contains("mu is 0", Refused(new StchScalarizerSpec { Mu = 0 }), StringComparison.Ordinal);
        Assert.Contains("exactly 1", Refused(new TchebycheffScalarizerSpec { Mode = MethodMode.Reference }), StringComparison.Ordinal);
    }
}
