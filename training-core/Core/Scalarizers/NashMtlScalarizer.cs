using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Nash-MTL (arXiv 2202.01017), solved exactly and from the same start every time, where its authors' iteration starts from the
/// last solution and stops after a fixed number of steps. With the preference summing to 1 the combined gradient has length 1; the
/// paper's, with 1 for each of M objectives, has length √M.
/// </summary>
internal static class NashMtlScalarizer
{
    /// <exception cref="ArgumentException">Options do not fit the objectives, or an objective has no weight.</exception>
    public static ScalarizerSetup Create(NashMtlScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        double[] weights = [.. objectives.Select(objective => objective.Weight)];
        if (weights.Any(weight => weight <= 0)) { throw new ArgumentException($"the objectives' weights are {ObjectiveWeights.Show(weights)}; nash_mtl needs a positive one for each.", nameof(objectives)); }
        return ScalarizerSetup.Of(new GramScalarizer(options, objectives, (signals, preference) =>
        {
            double[] coefficients = Bargaining.Solve(signals.Gram, preference, options.Fairness);
            return options.MaxNorm > 0 ? StepLength.AtMost(signals.Gram, coefficients, options.MaxNorm) : coefficients;
        }));
    }
}
