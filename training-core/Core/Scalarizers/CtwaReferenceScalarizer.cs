using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Covariance-targeted weight adaptation as the reference implementation computes it, for comparison: statistics of the
/// post-update clipped weight (one more forward pass per step), covariances diluted by groups without variance, float32
/// controller c̄ ← (1−τ)c̄ + τc started at the first c, u ← u + η[c* − c̄]₊, weights e^u that only grow and are not normalised.
/// </summary>
public sealed class CtwaReferenceScalarizer : IScalarizer
{
    /// <summary>Name in the state; other than the corrected mode's, so that neither resumes the other's run.</summary>
    public const string Method = "ctwa/reference";

    private const int Version = 1;
    private const string LogWeights = "log_weights", Ema = "ema", Started = "started";

    private readonly IReadOnlyList<string> objectives;
    private readonly CtwaScalarizerSpec options;
    private readonly double[] start;
    private readonly float[] targets;
    private readonly float[] gates;

    /// <exception cref="ArgumentException">Targets do not fit the objectives, or weights cannot be normalised.</exception>
    public CtwaReferenceScalarizer(CtwaScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        var (targetValues, gateValues) = CtwaTargets.Expand(options, objectives.Count);
        targets = [.. targetValues.Select(value => (float)value)];
        gates = [.. gateValues.Select(value => (float)value)];
        start = [.. CtwaTargets.StartLogWeights(objectives).Select(value => (double)(float)value)];
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.PostUpdateRatios;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) { [LogWeights] = [.. start], [Ema] = new double[start.Length], [Started] = [0] },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        double[] weights = Weights(state);
        return new Scalarization.OfRewards(ObjectiveWeights.Combine(signals, weights), weights);
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        var signals = outcome.Signals;
        ObjectiveCheck.Require(signals, objectives);
        ObjectiveCheck.Require(outcome.PostUpdate, signals, "post-update weights");

        // Dropped samples leave the statistics the way the reference leaves out samples without a finite weight.
        double[] signal = [.. outcome.PostUpdate!.Select((weight, b) => signals.Valid[b] ? weight : double.NaN)];
        var statistics = ReferencePromptStatistics.Compute(signals.Scores, signal, signals.Groups);
        var (next, deficit) = Update(state, options.UseCorrelation ? statistics.Correlation : statistics.Covariance, StepDiagnostics.Means(signals));
        double[] budget = CtwaTargets.Budget(signals, Weights(state), [.. targets.Select(target => (double)target)], options.UseCorrelation);
        return new(next, new SortedDictionary<string, double[]>(StringComparer.Ordinal)
        {
            [options.UseCorrelation ? "correlation_ema" : "covariance_ema"] = [.. next.Vector(Ema)],
            ["deficit"] = deficit, ["log_weight"] = [.. next.Vector(LogWeights)],
            ["covariance_post"] = statistics.Covariance, ["correlation_post"] = statistics.Correlation, ["target_budget"] = budget,
        })
        { Scalars = new SortedDictionary<string, double>(StringComparer.Ordinal) { ["target_feasibility"] = budget.Sum() } };
    }

    /// <summary>The controller: one step on a statistic (covariance or correlation) and the batch's mean scores, each of shape [M].</summary>
    internal (ScalarizerState State, double[] Deficit) Update(ScalarizerState state, ReadOnlySpan<double> statistic, ReadOnlySpan<double> meanScores)
    {
        bool started = state.Vector(Started)[0] > 0;
        double[] ema = [.. state.Vector(Ema)], logWeights = [.. state.Vector(LogWeights)], deficit = new double[start.Length];
        for (int j = 0; j < start.Length; j++)
        {
            float value = (float)statistic[j];
            float average = started ? ((float)(1 - options.EmaRate) * (float)ema[j]) + ((float)options.EmaRate * value) : value;
            float missing = meanScores[j] >= gates[j] ? 0 : Math.Max(0, targets[j] - average);
            ema[j] = average;
            deficit[j] = missing;
            logWeights[j] = (float)logWeights[j] + ((float)options.LearningRate * missing);
        }

        return (state.With((Ema, ema), (LogWeights, logWeights), (Started, [1])), deficit);
    }

    /// <summary>e^u in float32, not normalised.</summary>
    internal static double[] Weights(ScalarizerState state) => [.. state.Vector(LogWeights).Select(logWeight => (double)MathF.Exp((float)logWeight))];
}
