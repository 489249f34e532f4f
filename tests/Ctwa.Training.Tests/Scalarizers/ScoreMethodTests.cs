using System.Text.Json;
using Ctwa.Training.Advantages;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

/// <summary>What every method on the level of rewards, advantages and weights promises.</summary>
public sealed class ScoreMethodTests
{
    public static TheoryData<string> Names() => [.. ScoreMethod.All.Select(method => method.Name)];

    private static string Json(ScalarizerState state) => JsonSerializer.Serialize(state, StateJson.Options);

    private static ScalarizerState ThroughJson(ScalarizerState state) => JsonSerializer.Deserialize<ScalarizerState>(Json(state), StateJson.Options)!;

    /// <summary>What a method gives the completions: its rewards, its own advantages, or nothing (weights only).</summary>
    private static double[] Signal(Scalarization scalarization) => scalarization switch
    {
        Scalarization.OfRewards of => of.Rewards,
        Scalarization.OfCompletions of => of.Advantages,
        _ => [],
    };

    private static ScalarizerState After(IScalarizer scalarizer, int steps, Func<ScalarizerState, ScalarizerState>? between = null)
    {
        var state = scalarizer.Initial();
        for (int step = 1; step <= steps; step++)
        {
            state = scalarizer.Observe(ScoreMethod.Step(step), state).State;
            if (step % 2 == 0) { state = scalarizer.ObserveValidation(ScoreMethod.Validation(step), state); }
            state = between?.Invoke(state) ?? state;
        }

        return state;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_run_resumed_from_its_state_file_equals_an_uninterrupted_one_bit_by_bit(string name)
    {
        var method = ScoreMethod.Of(name);
        var straight = After(method.Create(), 8);

        // A new object after every step: a method keeps nothing outside its state.
        var resumed = method.Create().Initial();
        for (int step = 1; step <= 8; step++)
        {
            var scalarizer = method.Create();
            resumed = ThroughJson(scalarizer.Observe(ScoreMethod.Step(step), resumed).State);
            if (step % 2 == 0) { resumed = ThroughJson(scalarizer.ObserveValidation(ScoreMethod.Validation(step), resumed)); }
        }

        Assert.Equal(Json(straight), Json(resumed));
        var next = ScoreMethod.Step(9).Signals;
        var (one, two) = (method.Create().Weigh(next, straight), method.Create().Weigh(next, resumed));
        Assert.Equal(one.Weights, two.Weights);
        Assert.Equal(Signal(one), Signal(two));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_that_a_method_is_given_is_changed(string name)
    {
        var scalarizer = ScoreMethod.Of(name).Create();
        var state = After(scalarizer, 3);
        var outcome = ScoreMethod.Step(4);
        string before = Json(state);
        double[] scores = [.. outcome.Signals.Scores.Cast<double>()];
        scalarizer.Weigh(outcome.Signals, state);
        scalarizer.Observe(outcome, state);
        scalarizer.ObserveValidation([0.9, 0.8, 0.7], state);
        Assert.Equal(before, Json(state));
        Assert.Equal(scores, outcome.Signals.Scores.Cast<double>());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Validation_moves_only_the_method_that_is_guided_by_it(string name)
    {
        var scalarizer = ScoreMethod.Of(name).Create();
        var state = After(scalarizer, 3);
        bool guided = scalarizer.Requires.HasFlag(ScalarizerSignals.ValidationScores);
        Assert.Equal(name == "hypervolume", guided);
        Assert.Equal(guided, Json(state) != Json(scalarizer.ObserveValidation([90, 80, 70], state)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_order_of_the_objectives_does_not_matter(string name)
    {
        // The reference takes the first objective as the primary one: its order matters by design.
        if (name == "lagrangian reference") { Assert.NotEqual(0, After(ScoreMethod.Of(name).Create(), 1).Vector("lambda")[1]); return; }
        var method = ScoreMethod.Of(name);
        foreach (int[] order in (int[][])[[1, 2, 0], [2, 1, 0], [0, 2, 1]])
        {
            IScalarizer one = method.Create(), two = method.Create(order);
            ScalarizerState first = one.Initial(), second = two.Initial();
            for (int step = 1; step <= 6; step++)
            {
                var outcome = ScoreMethod.Step(step);
                var permuted = Objectives.Permute(outcome, order);
                permuted = permuted with { Signals = ScoreMethod.Complete(permuted.Signals) };
                var (a, b) = (one.Weigh(outcome.Signals, first), two.Weigh(permuted.Signals, second));
                AssertClose(ScoreMethod.Pick(order, a.Weights), b.Weights, 1e-9);
                AssertClose(Signal(a), Signal(b), 1e-9);
                double[] validation = ScoreMethod.Validation(step);
                first = one.ObserveValidation(validation, one.Observe(outcome, first).State);
                second = two.ObserveValidation(ScoreMethod.Pick(order, validation), two.Observe(permuted, second).State);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Dropped_samples_change_nothing(string name)
    {
        var scalarizer = ScoreMethod.Of(name).Create();
        ScalarizerState clean = scalarizer.Initial(), dirty = scalarizer.Initial();
        for (int step = 1; step <= 4; step++)
        {
            var outcome = ScoreMethod.Step(step);
            var (with, kept) = WithDropped(outcome);
            var (a, b) = (scalarizer.Weigh(outcome.Signals, clean), scalarizer.Weigh(with.Signals, dirty));
            AssertClose(a.Weights, b.Weights, 1e-12);
            double[] signal = Signal(b);
            AssertClose(Signal(a), signal.Length == 0 ? [] : [.. kept.Select(index => signal[index])], 1e-12);
            Assert.All(signal, value => Assert.True(double.IsFinite(value)));
            (clean, dirty) = (scalarizer.Observe(outcome, clean).State, scalarizer.Observe(with, dirty).State);
            Assert.Equal(Json(clean), Json(dirty));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Scores_of_any_scale_give_finite_numbers(string name)
    {
        foreach (double scale in (double[])[0, 1e-10, 1, 1e3, 1e5, 1e10, 1e15])
        {
            var scalarizer = ScoreMethod.Of(name).Create();
            var state = scalarizer.Initial();
            for (int step = 1; step <= 5; step++)
            {
                var outcome = ScoreMethod.Step(step, scale);
                var weighed = scalarizer.Weigh(outcome.Signals, state);
                Assert.All(weighed.Weights, weight => Assert.True(double.IsFinite(weight), $"{name} at {scale}: {ObjectiveWeights.Show(weighed.Weights)}"));
                Assert.All(Signal(weighed), value => Assert.True(double.IsFinite(value), $"{name} at {scale}"));
                var observation = scalarizer.Observe(outcome, state);
                state = scalarizer.ObserveValidation(ScoreMethod.Validation(step, scale), observation.State);
                Assert.All(state.Vectors, vector => Assert.All(vector.Value, value => Assert.True(double.IsFinite(value), $"{name} at {scale}: {vector.Key}")));
                Assert.All(observation.Scalars.Values, value => Assert.True(double.IsFinite(value)));
                Assert.All(observation.Metrics.Values, values => Assert.Equal(3, values.Length));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Weights_sum_to_one_and_are_not_negative(string name)
    {
        var method = ScoreMethod.Of(name);
        var scalarizer = method.Create();
        var state = scalarizer.Initial();
        for (int step = 1; step <= 10; step++)
        {
            var outcome = ScoreMethod.Step(step);
            double[] weights = scalarizer.Weigh(outcome.Signals, state).Weights;
            Assert.All(weights, weight => Assert.True(weight >= 0));
            if (method.Normalised) { Assert.Equal(1, weights.Sum(), 1e-12); }
            if (name.StartsWith("ctwa", StringComparison.Ordinal)) { Assert.All(weights, weight => Assert.InRange(weight, 0.05 - 1e-12, 0.6 + 1e-12)); }
            state = scalarizer.Observe(outcome, state).State;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_state_of_other_objectives_or_of_another_order_is_refused(string name)
    {
        var method = ScoreMethod.Of(name);
        var state = method.Create().Initial();
        var signals = ScoreMethod.Step(1).Signals;
        Assert.Contains("names and order must be equal", Assert.Throws<InvalidDataException>(() => method.Create([0, 2, 1]).Weigh(signals, state)).Message, StringComparison.Ordinal);
        Assert.Contains("the job wants", Assert.Throws<InvalidDataException>(() => method.Create().Weigh(signals, state with { Version = 99 })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Reference_modes_warn_at_the_start_with_their_defects(string name)
    {
        var setup = ScoreMethod.Of(name).Setup();
        bool reference = ScoreMethod.Of(name).Options([0, 1, 2]).Mode == MethodMode.Reference;
        Assert.Equal(reference ? 1 : 0, setup.Warnings.Count(warning => warning.Contains("repeats the reference implementation's defects", StringComparison.Ordinal)));
        Assert.Equal(name.StartsWith("pama", StringComparison.Ordinal), setup.Warnings.Any(warning => warning.Contains("experimental", StringComparison.Ordinal)));
    }

    private static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) { Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])), $"{ObjectiveWeights.Show(expected)} against {ObjectiveWeights.Show(actual)}"); }
    }

    /// <summary>The step with a dropped sample before and after every prompt, without a usable score, and where the others are then.</summary>
    private static (StepOutcome Outcome, int[] Kept) WithDropped(StepOutcome outcome)
    {
        var signals = outcome.Signals;
        int width = signals.Scores.GetLength(1);
        var rows = new List<int>();
        for (int b = 0; b < signals.Valid.Length; b++) { rows.AddRange(b % 4 == 0 ? [-1, b] : b % 4 == 3 ? [b, -1] : [b]); }
        var scores = new double[rows.Count, width];
        int[] kept = [.. rows.Select((row, index) => (row, index)).Where(pair => pair.row >= 0).Select(pair => pair.index)];
        int Source(int index) => Math.Max(0, rows.Take(index + 1).LastOrDefault(row => row >= 0));
        for (int i = 0; i < rows.Count; i++)
        {
            for (int j = 0; j < width; j++) { scores[i, j] = rows[i] >= 0 ? signals.Scores[rows[i], j] : j == 0 ? double.NaN : 1e9; }
        }

        T[] Spread<T>(IReadOnlyList<T> values, T dropped) => [.. rows.Select(row => row >= 0 ? values[row] : dropped)];
        var next = signals with
        {
            Scores = scores, Groups = [.. rows.Select((_, index) => signals.Groups[Source(index)])], Valid = [.. rows.Select(row => row >= 0)],
            Lengths = Spread(signals.Lengths, 7), ReferenceOpen = Spread(signals.ReferenceOpen!, double.NaN),
            ObjectiveAdvantages = [.. signals.ObjectiveAdvantages!.Select(one => new OutcomeAdvantages(Spread(one.Value, 1e9), Spread(one.Lengths, 7), [.. rows.Select(row => row >= 0)], one.Gamma, one.Shift, one.Scale))],
        };
        return (outcome with { Signals = next, TrainingSignal = Spread(outcome.TrainingSignal, double.NaN) }, kept);
    }
}
