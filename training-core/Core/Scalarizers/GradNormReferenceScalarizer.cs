using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// GradNorm as the reference implementation computes it, in float32, for comparison: policy losses as they are, weights from 1 each,
/// w ← w − η‖g‖·sign(G − T), then scaled to sum M; no floor, no bound. T is not a number where the relative loss is negative and α is
/// fractional; PyTorch's sign of NaN is 0, so that objective silently misses its update.
/// </summary>
internal sealed class GradNormReferenceScalarizer : IScalarizer
{
    /// <summary>Name in the state.</summary>
    public const string Method = "gradnorm/reference";

    private const int Version = 1;
    internal const string WeightsVector = "weights", InitialLoss = "initial_loss", Started = "started";

    private readonly IReadOnlyList<string> objectives;
    private readonly GradNormScalarizerSpec options;

    public GradNormReferenceScalarizer(GradNormScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.GradientGram;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) { [WeightsVector] = [.. objectives.Select(_ => 1.0)], [InitialLoss] = new double[objectives.Count], [Started] = [0] },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        return new Scalarization.OfGradients([.. state.Vector(WeightsVector)]);
    }

    /// <inheritdoc/>
    /// <exception cref="NumericFailureException">A weight is not finite, as when they sum to 0: the reference skips all updates from there on.</exception>
    public GradientSolution Solve(GradientSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        GradientCheck.Require(signals, objectives);
        var next = Update(state, GradientDiagnostics.Magnitudes(signals.Gram), signals.Losses).State;
        return new(GradientCheck.RequireFinite([.. next.Vector(WeightsVector)], signals, objectives), next);
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        return new(state, new SortedDictionary<string, double[]>(StringComparer.Ordinal));
    }

    /// <summary>One update of the weights from lengths and losses, shape [M]; with the weighted lengths G, their targets and the relative losses.</summary>
    internal (ScalarizerState State, double[] Lengths, double[] Targets, double[] RelativeLosses) Update(ScalarizerState state, double[] norms, double[] losses)
    {
        double[] initial = state.Vector(Started)[0] > 0 ? state.Vector(InitialLoss) : [.. losses.Select(loss => (double)(float)loss)];
        int count = norms.Length;
        float[] weights = [.. state.Vector(WeightsVector).Select(weight => (float)weight)];
        float[] lengths = [.. weights.Select((weight, i) => weight * (float)norms[i])];
        float[] ratio = [.. losses.Select((loss, i) => (float)loss / (float)initial[i])];
        float meanLength = Sum(lengths) / count, meanRatio = Sum(ratio) / count;
        float[] relative = [.. ratio.Select(value => value / meanRatio)];
        float[] targets = [.. relative.Select(value => meanLength * MathF.Pow(value, (float)options.Alpha))];
        for (int i = 0; i < count; i++) { weights[i] -= (float)options.LearningRate * (Sign(lengths[i] - targets[i]) * (float)norms[i]); }
        float factor = count / Sum(weights);
        double[] next = [.. weights.Select(weight => (double)(weight * factor))];
        return (state.With((WeightsVector, next), (InitialLoss, [.. initial]), (Started, [1])), Wide(lengths), Wide(targets), Wide(relative));
    }

    /// <summary>PyTorch's sign: 0 for NaN, where Math.Sign throws.</summary>
    private static float Sign(float value) => value > 0 ? 1 : value < 0 ? -1 : 0;

    private static float Sum(float[] values)
    {
        float sum = 0;
        foreach (float value in values) { sum += value; }
        return sum;
    }

    private static double[] Wide(float[] values) => [.. values.Select(value => (double)value)];
}
