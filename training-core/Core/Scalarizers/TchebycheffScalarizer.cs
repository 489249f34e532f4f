using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Weighted Tchebycheff, corrected: g = max_i w_i d_i (see <see cref="IdealPointScalarizer"/>). Reaches non-convex parts of the
/// front, which linear weights cannot. Objectives that are equally far share the weight, so their order does not matter.
/// </summary>
public sealed class TchebycheffScalarizer : IdealPointScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "tchebycheff";

    /// <summary>Distances that differ by less than this share of the largest are equal but for rounding.</summary>
    private const double Tie = 1e-12;

    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public TchebycheffScalarizer(TchebycheffScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
        : base(options, objectives)
    {
    }

    private protected override string Name => Method;

    /// <summary>The method in the mode that the options name.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives; in mode reference also if the weights' float64 sum is not exactly 1.</exception>
    public static ScalarizerSetup Create(TchebycheffScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        if (options.Mode == MethodMode.Corrected) { return ScalarizerSetup.Of(new TchebycheffScalarizer(options, objectives)); }
        ObjectiveWeights.RequireReferenceAccepts([.. objectives.Select(objective => objective.Weight)]);
        return ScalarizerSetup.Reference(new TchebycheffReferenceScalarizer(options, objectives), Method, "distances are taken per token, so every token before the last one costs max w·z and long answers are punished; the ideal point is never below 0");
    }

    private protected override double Value(ReadOnlySpan<double> distances, Span<double> shares)
    {
        double largest = double.NegativeInfinity;
        foreach (double distance in distances) { largest = Math.Max(largest, distance); }
        int tied = 0;
        foreach (double distance in distances) { tied += IsLargest(distance, largest) ? 1 : 0; }
        for (int i = 0; i < distances.Length; i++) { shares[i] = IsLargest(distances[i], largest) ? 1.0 / tied : 0; }
        return largest;
    }

    private static bool IsLargest(double distance, double largest) => largest - distance <= Tie * Math.Abs(largest);
}
