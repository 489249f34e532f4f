using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Hypervolume-guided weights (arXiv 2509.11452): fixed weights times f = 0.5 + 1.5 tanh(scale · ΔHV), where ΔHV is the volume
/// that the last validation's mean scores added to the archive of non-dominated ones. A validation that extends the front makes
/// the steps after it larger (up to 2), one that does not makes them smaller (0.5).
/// </summary>
/// <remarks>
/// f multiplies the objectives' advantages, not the reward: every estimator that whitens or divides by a standard deviation
/// would cancel a common factor of the reward, as it does in the paper's repository. For estimators that are linear in the
/// reward the two are the same. f is 1 until a second validation: the first one only shows where the run starts.
/// </remarks>
public sealed class HypervolumeScalarizer : IScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "hypervolume";

    internal const string Archive = "archive", Factor = "factor", Gain = "gain";

    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;
    private readonly double scale;
    private readonly double[] reference;
    private readonly double[] preference;

    /// <exception cref="ArgumentException">There are too many objectives, the reference does not fit them, weights cannot be normalised, or the scale is not positive.</exception>
    public HypervolumeScalarizer(HypervolumeScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        if (objectives.Count > Hypervolume.MaxObjectives) { throw new ArgumentException($"there are {objectives.Count} objectives; the exact hypervolume is computed for at most {Hypervolume.MaxObjectives}.", nameof(objectives)); }
        if (!(options.Scale > 0)) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.scale is {options.Scale}; it must be positive."), nameof(options)); }
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        scale = options.Scale;
        reference = PerObjective.Expand(options.Reference, objectives.Count, "reference")!;
        preference = ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]);
    }

    /// <summary>The method.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(HypervolumeScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) => ScalarizerSetup.Of(new HypervolumeScalarizer(options, objectives));

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.ValidationScores;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) { [Archive] = [], [Factor] = [1], [Gain] = [0] },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        double factor = state.Vector(Factor)[0];
        return new Scalarization.OfAdvantages([.. preference.Select(weight => weight * factor)]);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">There is not one mean per objective.</exception>
    public ScalarizerState ObserveValidation(double[] means, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        if (means.Length != objectives.Count) { throw new ArgumentException($"a validation has {means.Length} mean scores for {objectives.Count} objectives ({string.Join(", ", objectives)}).", nameof(means)); }
        // A validation without a valid sample has no means, and says nothing.
        if (!means.All(double.IsFinite)) { return state; }
        var archive = Points(state);
        double before = Hypervolume.Of(archive, reference);
        bool first = archive.Count == 0;
        archive.Add(means);
        var kept = Hypervolume.NonDominated(archive);
        double gain = first ? 0 : Math.Max(0, Hypervolume.Of(kept, reference) - before);
        double factor = first ? 1 : 0.5 + (1.5 * Math.Tanh(scale * gain));
        return state.With((Archive, [.. kept.SelectMany(point => point)]), (Factor, [factor]), (Gain, [gain]));
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        return new(state, new SortedDictionary<string, double[]>(StringComparer.Ordinal))
        {
            Scalars = new SortedDictionary<string, double>(StringComparer.Ordinal)
            {
                ["hypervolume_archive"] = Hypervolume.Of(Points(state), reference), ["hypervolume_factor"] = state.Vector(Factor)[0], ["hypervolume_gain"] = state.Vector(Gain)[0],
            },
        };
    }

    private List<double[]> Points(ScalarizerState state) => [.. state.Vector(Archive).Chunk(objectives.Count)];
}
