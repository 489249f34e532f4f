using Ctwa.Training.Specification;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers;

/// <summary>GDPO, DVAO and RVPO.</summary>
public sealed class CompletionScalarizerTests
{
    private static readonly ObjectiveSpec[] Two = [Objectives.Of("a", 3), Objectives.Of("b", 1)];

    private static readonly ObjectiveSpec[] Three = [Objectives.Of("a", 2), Objectives.Of("b", 1), Objectives.Of("c", 1)];

    private static Scalarization.OfCompletions Weigh(ScalarizerSpec spec, StepSignals signals, ObjectiveSpec[]? objectives = null)
    {
        var scalarizer = ScalarizerRegistry.Create(spec, objectives ?? Two).Scalarizer;
        return (Scalarization.OfCompletions)scalarizer.Weigh(signals, scalarizer.Initial());
    }

    [Fact]
    public void Gdpo_adds_standardised_rewards_and_whitens_the_sum()
    {
        // a: mean 0.5, sd 1/√2 → ±0.7071; b does not differ.
        var signals = Objectives.Signals(new double[,] { { 1, 7 }, { 0, 7 } }, [0, 0]);
        double[] plain = Weigh(new GdpoScalarizerSpec { Whiten = false }, signals).Advantages, whitened = Weigh(new GdpoScalarizerSpec(), signals).Advantages;
        Assert.Equal(0.75 * 0.70711, plain[0], 1e-5);
        Assert.Equal(-plain[0], plain[1], 1e-12);
        Assert.Equal(0.70711, whitened[0], 1e-5);
    }

    [Fact]
    public void Gdpo_keeps_apart_what_a_common_normalisation_makes_equal()
    {
        // Sums (0, 1) and (0, 2) differ by a factor only: normalised sums are the same, decoupled ones are not.
        ObjectiveSpec[] equal = [Objectives.Of("a"), Objectives.Of("b")];
        double[] one = Weigh(new GdpoScalarizerSpec { Whiten = false }, Objectives.Signals(new double[,] { { 0, 0 }, { 1, 0 } }, [0, 0]), equal).Advantages;
        double[] both = Weigh(new GdpoScalarizerSpec { Whiten = false }, Objectives.Signals(new double[,] { { 0, 0 }, { 1, 1 } }, [0, 0]), equal).Advantages;
        Assert.Equal(2 * one[1], both[1], 1e-9);
    }

    [Property(MaxTest = 40)]
    public bool Gdpo_is_white_and_does_not_care_for_the_unit_of_a_reward(int seed)
    {
        var signals = Objectives.Random(seed, 3).Signals;
        double[,] scaled = (double[,])signals.Scores.Clone();
        for (int b = 0; b < scaled.GetLength(0); b++) { scaled[b, 1] = (1000 * scaled[b, 1]) - 5; }
        double[] first = Weigh(new GdpoScalarizerSpec(), signals, Three).Advantages, second = Weigh(new GdpoScalarizerSpec(), signals with { Scores = scaled }, Three).Advantages;
        double mean = first.Average(), variance = first.Sum(value => value * value) / (first.Length - 1);
        return Math.Abs(mean) < 1e-12 && Math.Abs(variance - 1) < 1e-6 && first.Zip(second).All(pair => Math.Abs(pair.First - pair.Second) < 1e-4);
    }

    [Fact]
    public void Dvao_divides_the_weighted_sum_by_the_weighted_deviations()
    {
        // Deviations 1/√2 and 10/√2: A = (.75·.5 + .25·(−5)) / ((.75 + 2.5)/√2).
        var of = Weigh(new DvaoScalarizerSpec(), Objectives.Signals(new double[,] { { 1, 0 }, { 0, 10 } }, [0, 0]));
        double total = (0.75 + 2.5) / Math.Sqrt(2);
        Assert.Equal((0.375 - 1.25) / total, of.Advantages[0], 1e-12);
        Assert.Equal(0.75 / 3.25, of.Weights[0], 1e-12);
        Assert.Equal(2.5 / 3.25, of.Weights[1], 1e-12);
    }

    [Property(MaxTest = 40)]
    public bool Dvao_is_a_convex_combination_of_standardised_rewards(int seed)
    {
        var signals = Objectives.Random(seed, 3).Signals;
        double[] advantages = Weigh(new DvaoScalarizerSpec(), signals, Three).Advantages;
        double[][] standardised = StandardisedScores.WithinPrompts(signals);
        return Enumerable.Range(0, advantages.Length).All(b => Math.Abs(advantages[b]) <= standardised.Max(one => Math.Abs(one[b])) + 1e-4);
    }

    [Fact]
    public void Prompts_whose_rewards_do_not_differ_and_lone_answers_give_nothing()
    {
        var signals = Objectives.Signals(new double[,] { { 0.1, 0.3 }, { 0.1, 0.3 }, { 0.1, 0.3 }, { 9, 9 } }, [0, 0, 0, 1]);
        foreach (var spec in (ScalarizerSpec[])[new GdpoScalarizerSpec(), new DvaoScalarizerSpec(), new RvpoScalarizerSpec()])
        {
            var of = Weigh(spec, signals);
            Assert.All(of.Advantages, advantage => Assert.Equal(0, advantage));
            Assert.Equal([0.75, 0.25], of.Weights);
        }
    }

    [Fact]
    public void Rvpo_is_the_soft_minimum_with_the_weights_inside_the_mean()
    {
        var signals = Objectives.Signals(new double[,] { { 1, 0 }, { 0, 1 }, { 1, 1 }, { 0, 0 } }, [0, 0, 0, 0]);
        double z = 0.5 / (Math.Sqrt(1.0 / 3) + 1e-6);
        double[] advantages = Weigh(new RvpoScalarizerSpec { K = 2, Whiten = false }, signals).Advantages;
        Assert.Equal(-0.5 * Math.Log((0.75 * Math.Exp(-2 * z)) + (0.25 * Math.Exp(2 * z))), advantages[0], 1e-12);
        Assert.Equal(z, advantages[2], 1e-12);
        Assert.Equal(-z, advantages[3], 1e-12);
    }

    [Property(MaxTest = 40)]
    public bool Rvpo_goes_from_the_weighted_mean_to_the_worst_objective(int seed)
    {
        var signals = Objectives.Random(seed, 3).Signals;
        double[] At(double k) => Weigh(new RvpoScalarizerSpec { K = k, Whiten = false }, signals, Three).Advantages;
        double[][] standardised = StandardisedScores.WithinPrompts(signals);
        double[] mean = StandardisedScores.Combine(standardised, [0.5, 0.25, 0.25]), worst = [.. Enumerable.Range(0, mean.Length).Select(b => standardised.Min(one => one[b]))];
        bool Near(double[] a, double[] b, double tolerance) => a.Zip(b).All(pair => Math.Abs(pair.First - pair.Second) <= tolerance);
        double[] one = At(1), five = At(5);
        return Near(At(0), mean, 1e-12) && Near(At(1e-9), mean, 1e-7) && Near(At(1e-4), mean, 1e-3) && Near(At(1e6), worst, 1e-5)
            && one.Zip(mean).All(pair => pair.First <= pair.Second + 1e-12) && five.Zip(one).All(pair => pair.First <= pair.Second + 1e-12)
            && Near(Weigh(new RvpoScalarizerSpec { K = 0 }, signals, Three).Advantages, Weigh(new GdpoScalarizerSpec(), signals, Three).Advantages, 1e-9);
    }
}
