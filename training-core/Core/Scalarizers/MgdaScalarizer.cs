using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// MGDA (Désidéri, C. R. Acad. Sci. 350, 2012), corrected: the shortest vector in the hull of the scaled gradients, from the Gram
/// matrix of whole gradients, exactly.
/// <code>
/// α̃ = argmin over the simplex of ‖Σ α̃_i g_i / s_i‖²          s_i = M p_i n_i;  n_i = 1, ‖g_i‖, L_i or L_i ‖g_i‖
/// α_i ∝ α̃_i / s_i,  Σ α_i = 1                               L_i = reward gap (see RewardGaps)
/// </code>
/// Then ⟨d, g_i⟩/s_i is the same for all objectives with a coefficient and nowhere smaller: all improve, in proportion to s_i. Equal
/// weights and no normalisation are the paper's. Normalised gradients only choose the direction; the coefficients sum to 1, so that
/// d has the size of a gradient. An objective without a gradient is left out: nothing can be done for or against it, and the
/// shortest vector would otherwise be its 0 whenever its scores do not differ in a batch.
/// </summary>
internal sealed class MgdaScalarizer : IScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "mgda";

    private const int Version = 1;
    private const string Coefficients = "coefficients";

    private readonly IReadOnlyList<string> objectives;
    private readonly MgdaScalarizerSpec options;
    private readonly double[] preference;
    private readonly RewardGaps gaps;

    /// <exception cref="ArgumentException">Options do not fit the objectives, or an objective has no weight.</exception>
    public MgdaScalarizer(MgdaScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        preference = ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]);
        if (preference.Any(share => share <= 0)) { throw new ArgumentException($"the objectives' weights are {ObjectiveWeights.Show(preference)}; mgda divides by them, so each must be positive.", nameof(objectives)); }
        gaps = new(options.Ideal, options.EmaRate, options.GapEpsilon, objectives.Count);
    }

    /// <summary>The method in the mode that the options name.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(MgdaScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) => options.Mode == MethodMode.Corrected
        ? ScalarizerSetup.Of(new MgdaScalarizer(options, objectives))
        : ScalarizerSetup.Reference(new MgdaReferenceScalarizer(options, objectives), Method, "projected gradient steps of twice the stable size, 200 at most, so that three or more objectives may end far from the optimum; two equal gradients get (0, 1); weights of the objectives are ignored");

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.GradientGram;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new ScalarizerState
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) { [Coefficients] = [.. preference] },
    }.With(gaps.Initial());

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        return new Scalarization.OfGradients([.. state.Vector(Coefficients)]);
    }

    /// <inheritdoc/>
    public GradientSolution Solve(GradientSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        GradientCheck.Require(signals, objectives);
        double[] coefficients = Combine(signals.Gram, gaps.Of(signals.MeanScores, state));
        if (options.Rescale) { coefficients = StepLength.LikeMean(signals.Gram, coefficients, preference); }
        GradientCheck.RequireFinite(coefficients, signals, objectives);
        return new(coefficients, state.With((Coefficients, [.. coefficients])));
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(outcome.Signals, objectives);
        var (next, values) = gaps.Next(StepDiagnostics.Means(outcome.Signals), state);
        var metrics = new SortedDictionary<string, double[]>(StringComparer.Ordinal);
        if (options.UsesGaps()) { metrics["reward_gap"] = values; }
        return new(next, metrics);
    }

    private double[] Combine(double[,] gram, double[] gap)
    {
        var input = GramInput.Of(gram);
        int[] rows = [.. Enumerable.Range(0, input.Count).Where(i => !input.IsZeroRow(i))];
        if (rows.Length == 0) { return [.. preference]; }
        double[] scale = [.. rows.Select(row => preference[row] * objectives.Count * options.Normalization switch
        {
            GradientNormalization.L2 => Math.Sqrt(input.Values[row, row]),
            GradientNormalization.Loss => gap[row],
            GradientNormalization.LossPlus => gap[row] * Math.Sqrt(input.Values[row, row]),
            _ => 1,
        })];
        double[,] scaled = SmallMatrix.Part(input.Values, rows);
        for (int i = 0; i < rows.Length; i++)
        {
            for (int j = 0; j < rows.Length; j++) { scaled[i, j] /= scale[i] * scale[j]; }
        }

        double[] shares = [.. MinNorm.Solve(scaled).Select((weight, i) => weight / scale[i])], result = new double[input.Count];
        double sum = shares.Sum();
        for (int i = 0; i < rows.Length; i++) { result[rows[i]] = shares[i] / sum; }
        return result;
    }
}
