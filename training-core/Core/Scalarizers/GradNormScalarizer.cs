using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// GradNorm (arXiv 1711.02257), corrected. Weights move until the weighted gradients have their target lengths:
/// <code>
/// L_i = reward gap;  r_i = (L_i/L_i(0)) / mean            an objective that lags behind has r_i &gt; 1
/// T_i = mean_k(w_k‖g_k‖) · M p_i · r_i^α                  p = the objectives' weights
/// u_i ← u_i − η · clamp(ln(w_i‖g_i‖ / T_i), −1, 1)        w = softmax(u), no weight below the floor
/// </code>
/// Differences from the paper, each because of a defect seen in the reference implementation: reward gaps instead of policy losses
/// (those are near 0 with a random sign, and a negative number to the power 1.5 is no number); steps of the logarithm, bounded,
/// instead of w_i ← w_i − η‖g_i‖·sign (which makes weights negative, or divides by a sum of 0, when gradients are long); a floor;
/// lengths of whole gradients. The sum of the weights is 1, the paper's is M. A gradient of 0 has no length to correct: its weight stays.
/// </summary>
internal sealed class GradNormScalarizer : IScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "gradnorm";

    internal const string LogWeights = "log_weights", InitialGap = "initial_gap", Started = "started";

    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;
    private readonly GradNormScalarizerSpec options;
    private readonly double[] preference;
    private readonly RewardGaps gaps;

    /// <exception cref="ArgumentException">Options do not fit the objectives, or an objective has no weight.</exception>
    public GradNormScalarizer(GradNormScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        preference = ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]);
        if (preference.Any(share => share <= 0)) { throw new ArgumentException($"the objectives' weights are {ObjectiveWeights.Show(preference)}; they are the wanted proportions of gradient lengths, so each must be positive.", nameof(objectives)); }
        ObjectiveWeights.RequireFloor(options.Floor, objectives.Count);
        gaps = new(options.Ideal, options.EmaRate, options.GapEpsilon, objectives.Count);
    }

    /// <summary>The method in the mode that the options name.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(GradNormScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) => options.Mode == MethodMode.Corrected
        ? ScalarizerSetup.Of(new GradNormScalarizer(options, objectives))
        : ScalarizerSetup.Reference(new GradNormReferenceScalarizer(options, objectives), Method, "policy losses with a random sign are compared, and an objective whose target is not a number silently misses its update; weights may become negative or infinite; weights of the objectives are ignored");

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.GradientGram;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new ScalarizerState
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal)
        {
            [LogWeights] = [.. preference.Select(share => Math.Log(share))], [InitialGap] = new double[preference.Length], [Started] = [0],
        },
    }.With(gaps.Initial());

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        return new Scalarization.OfGradients(Weights(state));
    }

    /// <inheritdoc/>
    public GradientSolution Solve(GradientSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        GradientCheck.Require(signals, objectives);
        double[] gap = gaps.Of(signals.MeanScores, state);
        double[] initial = state.Vector(Started)[0] > 0 ? state.Vector(InitialGap) : gap;
        double[] ratio = [.. gap.Select((value, i) => value / initial[i])];
        double meanRatio = ratio.Average();

        var input = GramInput.Of(signals.Gram);
        int count = input.Count;
        double[] weights = Weights(state), logWeights = [.. weights.Select(weight => Math.Log(weight))];
        double[] lengths = [.. weights.Select((weight, i) => weight * Math.Sqrt(input.Values[i, i]))];
        double meanLength = lengths.Average();
        for (int i = 0; i < count; i++)
        {
            if (input.IsZeroRow(i)) { continue; }
            double target = meanLength * count * preference[i] * Math.Pow(ratio[i] / meanRatio, options.Alpha);
            logWeights[i] -= options.LearningRate * Math.Clamp(Math.Log(lengths[i] / target), -1, 1);
        }

        // Kept as logarithms of the weights in use: behind the floor nothing accumulates that would have to be undone.
        double[] next = GradientCheck.RequireFinite(ObjectiveWeights.SoftmaxWithFloor(logWeights, options.Floor), signals, objectives);
        return new(next, state.With((LogWeights, [.. next.Select(weight => Math.Log(weight))]), (InitialGap, [.. initial]), (Started, [1])));
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(outcome.Signals, objectives);
        var (next, values) = gaps.Next(StepDiagnostics.Means(outcome.Signals), state);
        return new(next, new SortedDictionary<string, double[]>(StringComparer.Ordinal) { ["reward_gap"] = values, ["log_weight"] = [.. next.Vector(LogWeights)] });
    }

    private double[] Weights(ScalarizerState state) => ObjectiveWeights.SoftmaxWithFloor(state.Vector(LogWeights), options.Floor);
}
