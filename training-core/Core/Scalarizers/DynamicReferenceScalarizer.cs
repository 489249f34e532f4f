using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Dynamic reward weighting as the reference implementation computes it, in float32, for comparison: the influences times the learning
/// rate are summed over some steps, averaged, and multiplied by the learning rate once more; the weights are those of the rewards,
/// used from the same step on, without a floor.
/// </summary>
internal sealed class DynamicReferenceScalarizer : IScalarizer
{
    /// <summary>Name in the state.</summary>
    public const string Method = "dynamic/reference";

    internal const string WeightsVector = "weights", Accumulator = "accumulator";

    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;
    private readonly DynamicScalarizerSpec options;
    private readonly double[] start;

    /// <exception cref="ArgumentException">The weights' float64 sum is not exactly 1, which the reference refuses.</exception>
    public DynamicReferenceScalarizer(DynamicScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        double[] weights = [.. objectives.Select(objective => objective.Weight)];
        if (!ObjectiveWeights.ReferenceAccepts(weights)) { throw new ArgumentException(FormattableString.Invariant($"in mode reference the weights must sum to exactly 1 in float64, {ObjectiveWeights.Show(weights)} sum to {weights.Sum():R}; change the weights or use mode corrected, which normalises them."), nameof(objectives)); }
        start = [.. weights.Select(weight => (double)(float)weight)];
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.GramBeforeWeighing;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) { [WeightsVector] = [.. start], [Accumulator] = new double[start.Length] },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        double[] weights = Next(signals, state).State.Vector(WeightsVector);
        return new Scalarization.OfRewards(ObjectiveWeights.Combine(signals, weights), [.. weights]);
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        var (next, influence, _) = Next(outcome.Signals, state);
        var metrics = new SortedDictionary<string, double[]>(StringComparer.Ordinal);
        if (influence is not null) { metrics["influence"] = influence; }
        return new(next, metrics);
    }

    private (ScalarizerState State, double[]? Influence, double[]? Shift) Next(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        if (signals.Gram is null) { throw new ArgumentException($"step {signals.Step} has no Gram matrix, which this method requires.", nameof(signals)); }
        return Update(state, signals.Gram, signals.LearningRate, signals.Step);
    }

    /// <summary>One step: the next state; on steps that move the weights also the mean influence and the shift of the log-weights, shape [M].</summary>
    internal (ScalarizerState State, double[]? Influence, double[]? Shift) Update(ScalarizerState state, double[,] gram, double learningRate, int step)
    {
        int count = start.Length;
        float[] sums = [.. state.Vector(Accumulator).Select(value => (float)value)];
        for (int j = 0; j < count; j++)
        {
            float row = 0;
            for (int k = 0; k < count; k++) { row += (float)gram[j, k]; }
            sums[j] += row * (float)learningRate;
        }

        if (step % options.WeightAccumulationSteps != 0) { return (state.With((Accumulator, Wide(sums))), null, null); }
        float[] shift = new float[count], logWeights = new float[count];
        double[] weights = state.Vector(WeightsVector);
        for (int j = 0; j < count; j++)
        {
            sums[j] /= options.WeightAccumulationSteps;
            shift[j] = (float)learningRate * sums[j] / (float)options.Regularization;
            logWeights[j] = MathF.Log((float)weights[j]) + shift[j];
        }

        float largest = logWeights.Max(), total = 0;
        for (int j = 0; j < count; j++) { total += logWeights[j] = MathF.Exp(logWeights[j] - largest); }
        return (state.With((WeightsVector, Wide([.. logWeights.Select(value => value / total)])), (Accumulator, new double[count])), Wide(sums), Wide(shift));
    }

    private static double[] Wide(float[] values) => [.. values.Select(value => (double)value)];
}
