using Ctwa.Training.Advantages;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class PamaScalarizerTests
{
    private static readonly ObjectiveSpec[] Two = [Objectives.Of("a"), Objectives.Of("b")];

    /// <summary>A step of one-token answers with the given advantages [objective][answer].</summary>
    private static StepSignals Step(params double[][] advantages)
    {
        int count = advantages[0].Length;
        int[] lengths = [.. Enumerable.Repeat(1, count)];
        bool[] valid = [.. Enumerable.Repeat(true, count)];
        return Objectives.Signals(new double[count, advantages.Length], new int[count]) with
        {
            Lengths = lengths, ReferenceOpen = [.. Enumerable.Repeat(1.0, count)],
            ObjectiveAdvantages = [.. advantages.Select(one => new OutcomeAdvantages(one, lengths, valid, 1, 0, 1))],
        };
    }

    private static Scalarization.OfAdvantages Weigh(StepSignals signals, ObjectiveSpec[]? objectives = null)
    {
        var scalarizer = new PamaScalarizer(objectives ?? Two);
        return (Scalarization.OfAdvantages)scalarizer.Weigh(signals, scalarizer.Initial());
    }

    [Fact]
    public void The_objective_with_the_smallest_mean_positive_advantage_is_followed()
    {
        Assert.Equal([0, 1], Weigh(Step([2, -1, -1], [1, -0.5, -0.5])).Weights);
        Assert.Equal([0.5, 0.5], Weigh(Step([2, -1, -1], [-1, 2, -1])).Weights);
        // A larger weight brings an objective forward: 2/4 against 1/1.
        Assert.Equal([1, 0], Weigh(Step([2, -1, -1], [1, -0.5, -0.5]), [Objectives.Of("a", 4), Two[1]]).Weights);
    }

    [Fact]
    public void Credit_goes_to_the_better_answers_where_the_reference_gives_all_the_same()
    {
        var signals = Step([2, -1, -1, 0], [-0.5, 1, -0.5, 0]);
        var of = Weigh(signals);
        Assert.True(of.NonNegative);
        double[] corrected = [.. Enumerable.Range(0, 4).Select(b => of.Weights.Select((weight, j) => weight * Math.Max(0, signals.ObjectiveAdvantages![j].Value[b])).Sum())];
        var reference = new PamaReferenceScalarizer(Two);
        double[] common = ((Scalarization.OfCompletions)reference.Weigh(signals, reference.Initial())).Advantages;

        // Expected gradient of four equally likely answers' logits: p(A − mean A).
        double[] Gradient(double[] advantages) => [.. advantages.Select(advantage => (advantage - advantages.Average()) / 4)];
        Assert.All(common, advantage => Assert.Equal(0.25, advantage, 1e-9));
        Assert.All(Gradient(common), slope => Assert.Equal(0, slope, 1e-12));
        Assert.Equal([0, 1, 0, 0], corrected);
        Assert.Equal(0.1875, Gradient(corrected)[1], 1e-12);
    }

    [Fact]
    public void An_objective_without_positive_advantages_stops_the_reference_and_not_the_corrected_form()
    {
        // One token each, advantages 1 and −1: s* = 0.
        var signals = Step([1], [-1]);
        var reference = new PamaReferenceScalarizer(Two);
        Assert.Equal([0], ((Scalarization.OfCompletions)reference.Weigh(signals, reference.Initial())).Advantages);
        Assert.Equal([1, 0], Weigh(signals).Weights);
        Assert.Equal([0.5, 0.5], Weigh(Step([0, 0], [0, 0])).Weights);
    }

    [Fact]
    public void The_reference_projection_has_a_negative_branch_that_its_own_numbers_never_reach()
    {
        Assert.Equal(-0.25, PamaReferenceScalarizer.ProjectZero([-0.25, -2]));
        Assert.Equal(0, PamaReferenceScalarizer.ProjectZero([-1, 2]));
        Assert.All(PositiveAdvantages.Means(Step([-1, -2], [-3, -4]), 2, open: null), mean => Assert.Equal(0, mean));
    }

    [Fact]
    public void Tokens_far_from_the_reference_policy_do_not_count_in_the_reference()
    {
        var signals = Step([1, 1], [4, 0]) with { ReferenceOpen = [0.25, 1] };
        var scalarizer = new PamaReferenceScalarizer(Two);
        var of = (Scalarization.OfCompletions)scalarizer.Weigh(signals, scalarizer.Initial());
        Assert.Equal([0.5, 0.5], of.Advantages);
        Assert.Equal([0, 1], of.Weights);
        Assert.Contains("near the reference policy", Assert.Throws<ArgumentException>(() => scalarizer.Weigh(signals with { ReferenceOpen = null }, scalarizer.Initial())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Means_are_over_tokens_so_a_long_answer_counts_by_its_length()
    {
        int[] lengths = [3, 1];
        bool[] valid = [true, true];
        var signals = Objectives.Signals(new double[2, 1], [0, 0]) with { Lengths = lengths, ObjectiveAdvantages = [new OutcomeAdvantages([1, 5], lengths, valid, 1, 0, 1)] };
        Assert.Equal([2], PositiveAdvantages.Means(signals, 1, open: null));
        Assert.Contains("has advantages of 0 objectives", Assert.Throws<ArgumentException>(() => PositiveAdvantages.Means(signals with { ObjectiveAdvantages = null }, 1, open: null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_of_zero_is_refused() =>
        Assert.Contains("(1, 0)", Assert.Throws<ArgumentException>(() => new PamaScalarizer([Two[0], Objectives.Of("b", 0)])).Message, StringComparison.Ordinal);
}
