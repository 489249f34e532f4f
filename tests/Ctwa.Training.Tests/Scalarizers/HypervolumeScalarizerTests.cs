using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class HypervolumeScalarizerTests
{
    private static readonly ObjectiveSpec[] Two = [Objectives.Of("a", 3), Objectives.Of("b", 1)];

    private static readonly StepOutcome Step = Objectives.Outcome(new double[,] { { 1, 0 }, { 0, 1 } }, [0, 0], [0, 0]);

    private static double Factor(IScalarizer scalarizer, ScalarizerState state) => scalarizer.Weigh(Step.Signals, state).Weights.Sum();

    [Fact]
    public void The_factor_is_one_until_a_second_validation_and_then_follows_the_added_volume()
    {
        var scalarizer = new HypervolumeScalarizer(new() { Scale = 2 }, Two);
        var state = scalarizer.Initial();
        Assert.Equal([0.75, 0.25], scalarizer.Weigh(Step.Signals, state).Weights);
        Assert.Empty(state.Vector("archive"));

        state = scalarizer.ObserveValidation([0.5, 0.5], state);
        Assert.Equal(1, Factor(scalarizer, state));
        state = scalarizer.ObserveValidation([0.8, 0.3], state);
        Assert.Equal(0.5 + (1.5 * Math.Tanh(2 * 0.3 * 0.3)), Factor(scalarizer, state), 1e-12);
        Assert.Equal([0.5, 0.5, 0.8, 0.3], state.Vector("archive"));

        // Worse in both: no volume, and no place in the archive.
        state = scalarizer.ObserveValidation([0.4, 0.2], state);
        Assert.Equal(0.5, Factor(scalarizer, state));
        Assert.Equal(4, state.Vector("archive").Length);

        // Better than both of them.
        state = scalarizer.ObserveValidation([0.9, 0.9], state);
        Assert.Equal([0.9, 0.9], state.Vector("archive"));
        Assert.Equal(0.5 + (1.5 * Math.Tanh(2 * (0.81 - 0.34))), Factor(scalarizer, state), 1e-12);
        Assert.Equal(0.81, scalarizer.Observe(Step, state).Scalars["hypervolume_archive"], 1e-12);
    }

    [Fact]
    public void The_factor_stays_between_a_half_and_two_and_does_not_change_the_proportions()
    {
        var scalarizer = new HypervolumeScalarizer(new(), Two);
        var state = scalarizer.ObserveValidation([0.01, 0.01], scalarizer.Initial());
        state = scalarizer.ObserveValidation([1e6, 1e6], state);
        double[] weights = scalarizer.Weigh(Step.Signals, state).Weights;
        Assert.Equal(2, weights.Sum(), 1e-12);
        Assert.Equal(3, weights[0] / weights[1], 1e-12);
    }

    [Fact]
    public void A_validation_without_scores_says_nothing_and_one_of_other_objectives_is_refused()
    {
        var scalarizer = new HypervolumeScalarizer(new(), Two);
        var state = scalarizer.ObserveValidation([0.5, 0.5], scalarizer.Initial());
        Assert.Same(state, scalarizer.ObserveValidation([double.NaN, 0.5], state));
        Assert.Contains("1 mean scores for 2 objectives", Assert.Throws<ArgumentException>(() => scalarizer.ObserveValidation([0.5], state)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_do_not_fit_are_refused()
    {
        Assert.Contains("there are 7 objectives", Assert.Throws<ArgumentException>(() => new HypervolumeScalarizer(new(), [.. Enumerable.Range(0, 7).Select(j => Objectives.Of($"o{j}"))])).Message, StringComparison.Ordinal);
        Assert.Contains("reference has 3 entries", Assert.Throws<ArgumentException>(() => new HypervolumeScalarizer(new() { Reference = new([0.0, 0, 0]) }, Two)).Message, StringComparison.Ordinal);
        Assert.Contains("scale is 0", Assert.Throws<ArgumentException>(() => new HypervolumeScalarizer(new() { Scale = 0 }, Two)).Message, StringComparison.Ordinal);
        Assert.Equal(HypervolumeScalarizerSpec.MaxObjectives, Hypervolume.MaxObjectives);
    }
}
