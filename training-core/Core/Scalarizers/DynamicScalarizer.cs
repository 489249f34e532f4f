using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Dynamic reward weighting (arXiv 2509.11452, gradient-based), corrected: w_j ∝ w_j exp(η_t I_j / μ) with the influence
/// I_j = ⟨g_j, Σ_k g_k⟩, no weight below the floor; the weights are the coefficients of the gradients.
/// </summary>
/// <remarks>
/// The learning rate η_t enters once (the reference implementation multiplies by it twice, which at 1e-6 leaves the weights where they
/// are). The self-term ‖g_j‖² in I_j makes long gradients gain: <see cref="InfluenceKind.LeaveOneOut"/> and
/// <see cref="InfluenceKind.Cosine"/> are without it. What is remembered is the logarithm of the weights in use, so that an objective at
/// the floor leaves it as soon as its influence is the larger one.
/// </remarks>
internal sealed class DynamicScalarizer : IScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "dynamic";

    internal const string LogWeights = "log_weights", LastInfluence = "influence";

    private const int Version = 1;
    private const double SmallestWeight = 1e-300;

    private readonly IReadOnlyList<string> objectives;
    private readonly DynamicScalarizerSpec options;
    private readonly double[] start;

    /// <exception cref="ArgumentException">Options do not fit the objectives, or an objective has no weight.</exception>
    public DynamicScalarizer(DynamicScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        double[] weights = ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]);
        if (weights.Any(weight => weight <= 0)) { throw new ArgumentException($"the objectives' weights are {ObjectiveWeights.Show(weights)}; dynamic multiplies them, so each must be positive.", nameof(objectives)); }
        ObjectiveWeights.RequireFloor(options.Floor, objectives.Count);
        start = [.. weights.Select(weight => Math.Log(weight))];
    }

    /// <summary>The method in the mode that the options name.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(DynamicScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) => options.Mode == MethodMode.Corrected
        ? ScalarizerSetup.Of(new DynamicScalarizer(options, objectives))
        : ScalarizerSetup.Reference(new DynamicReferenceScalarizer(options, objectives), Method, "the learning rate is multiplied twice, so that the weights hardly move; a weight that has become 0 stays 0; every step has one more forward and M more backward passes");

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.GradientGram;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) { [LogWeights] = [.. start], [LastInfluence] = new double[start.Length] },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        return new Scalarization.OfGradients(ObjectiveWeights.SoftmaxWithFloor(state.Vector(LogWeights), options.Floor));
    }

    /// <inheritdoc/>
    public GradientSolution Solve(GradientSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        GradientCheck.Require(signals, objectives);
        double[] influence = Influence(signals.Gram);
        double[] moved = [.. state.Vector(LogWeights).Select((logWeight, j) => logWeight + (signals.LearningRate * influence[j] / options.Regularization))];
        double[] weights = GradientCheck.RequireFinite(ObjectiveWeights.SoftmaxWithFloor(moved, options.Floor), signals, objectives);

        // With floor 0 a weight may round to 0, whose logarithm could never rise again.
        double[] logWeights = [.. weights.Select(weight => Math.Log(Math.Max(weight, SmallestWeight)))];
        return new(weights, state.With((LogWeights, logWeights), (LastInfluence, influence)));
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        return new(state, new SortedDictionary<string, double[]>(StringComparer.Ordinal) { ["influence"] = [.. state.Vector(LastInfluence)], ["log_weight"] = [.. state.Vector(LogWeights)] });
    }

    private double[] Influence(double[,] gram)
    {
        int count = gram.GetLength(0);
        bool cosine = options.Influence == InfluenceKind.Cosine, self = options.Influence == InfluenceKind.Self;
        double[,] products = cosine ? GradientDiagnostics.Cosines(GramInput.Of(gram).Values) : gram;
        var influence = new double[count];
        for (int j = 0; j < count; j++)
        {
            for (int k = 0; k < count; k++) { influence[j] += k != j || self ? products[j, k] : 0; }
            if (cosine && count > 1) { influence[j] /= count - 1; }
        }

        return influence;
    }
}
