using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>Fixed weights: r_b = Σ_j w_j r_bj, of raw scores or of scores standardised within prompt or step. Has no state.</summary>
public sealed class LinearScalarizer : IScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "linear";

    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;
    private readonly double[] weights;
    private readonly ScoreNormalization normalize;

    /// <param name="objectives">Names of the objectives, in order.</param>
    /// <param name="weights">One weight per objective, used as they are; <see cref="ObjectiveWeights"/> normalises or checks them.</param>
    /// <param name="normalize">What happens to scores before they are weighted.</param>
    /// <exception cref="ArgumentException">There is not one weight per objective.</exception>
    public LinearScalarizer(IReadOnlyList<string> objectives, double[] weights, ScoreNormalization normalize = ScoreNormalization.None)
    {
        if (objectives.Count != weights.Length) { throw new ArgumentException($"there are {weights.Length} weights for {objectives.Count} objectives ({string.Join(", ", objectives)}); give one per objective.", nameof(weights)); }
        this.objectives = objectives;
        this.weights = [.. weights];
        this.normalize = normalize;
    }

    /// <summary>The method in the mode that the options name: weights normalised (corrected), or used as they are if their float64 sum is exactly 1 (reference).</summary>
    /// <exception cref="ArgumentException">The weights cannot be used.</exception>
    public static ScalarizerSetup Create(LinearScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        double[] weights = [.. objectives.Select(objective => objective.Weight)];
        string[] names = [.. objectives.Select(objective => objective.Name)];
        if (options.Mode == MethodMode.Corrected) { return ScalarizerSetup.Of(new LinearScalarizer(names, ObjectiveWeights.Normalize(weights), options.Normalize)); }
        ObjectiveWeights.RequireReferenceAccepts(weights);
        return ScalarizerSetup.Reference(new LinearScalarizer(names, weights), Method, "weights are used only if their float64 sum is exactly 1");
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.None;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new() { Method = Method, Version = Version, Objectives = objectives, Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        double[] rewards = normalize switch
        {
            ScoreNormalization.Group => StandardisedScores.Combine(StandardisedScores.WithinPrompts(signals), weights),
            ScoreNormalization.Batch => StandardisedScores.Combine(StandardisedScores.WithinBatch(signals), weights),
            _ => ObjectiveWeights.Combine(signals, weights),
        };
        return new Scalarization.OfRewards(rewards, [.. weights]);
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        return new(state, new SortedDictionary<string, double[]>(StringComparer.Ordinal));
    }
}
