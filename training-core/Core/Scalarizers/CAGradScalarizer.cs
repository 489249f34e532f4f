using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>CAGrad (arXiv 2110.14048) around the preference-weighted mean gradient; equal weights give the paper's.</summary>
internal static class CAGradScalarizer
{
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(CAGradScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) =>
        ScalarizerSetup.Of(new GramScalarizer(options, objectives, (signals, preference) => ConflictAverse.Solve(signals.Gram, preference, options.C)));
}
