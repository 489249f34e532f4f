using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// PAMA as the reference implementation computes it, for comparison: every token of every completion has the advantage s*, the
/// projection of 0 on [min_i I(A_i), max_i I(A_i)], where I(A_i) counts positive advantages of tokens that are not clipped
/// (π_sampled/π_reference ≤ 1 + ε); the policy loss takes its ratio to the reference policy. Since no I(A_i) is negative, s* is
/// their minimum.
/// </summary>
public sealed class PamaReferenceScalarizer : IScalarizer
{
    /// <summary>Name in the state; other than the corrected mode's, so that neither resumes the other's run.</summary>
    public const string Method = "pama/reference";

    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;

    /// <param name="objectives">Their weights are not used.</param>
    public PamaReferenceScalarizer(IReadOnlyList<ObjectiveSpec> objectives) => this.objectives = [.. objectives.Select(objective => objective.Name)];

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.ObjectiveAdvantages | ScalarizerSignals.ReferencePolicy | ScalarizerSignals.ReferenceRatios;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new() { Method = Method, Version = Version, Objectives = objectives, Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        double[] means = Means(signals), uniform = [.. means.Select(_ => 1.0 / means.Length)];
        double advantage = ProjectZero(means);
        return new Scalarization.OfCompletions([.. signals.Valid.Select(valid => valid ? advantage : 0)], PositiveAdvantages.Smallest(means, uniform)) { RatioToReference = true };
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        double[] means = Means(outcome.Signals);
        return new(state, new SortedDictionary<string, double[]>(StringComparer.Ordinal) { ["positive_advantage"] = means })
        {
            Scalars = new SortedDictionary<string, double>(StringComparer.Ordinal) { ["common_advantage"] = ProjectZero(means) },
        };
    }

    /// <summary>The point of [min a, max a] that is nearest to 0 (Theorem 1 of the paper).</summary>
    internal static double ProjectZero(ReadOnlySpan<double> values)
    {
        double smallest = double.PositiveInfinity, largest = double.NegativeInfinity;
        foreach (double value in values) { (smallest, largest) = (Math.Min(smallest, value), Math.Max(largest, value)); }
        return smallest > 0 ? smallest : Math.Min(largest, 0);
    }

    private double[] Means(StepSignals signals)
    {
        ObjectiveCheck.Require(signals.ReferenceOpen, signals, "share of tokens near the reference policy");
        return PositiveAdvantages.Means(signals, objectives.Count, signals.ReferenceOpen);
    }
}
