using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>Aligned-MTL (CVPR 2023) with the scale of the smallest component.</summary>
internal static class AlignedMtlScalarizer
{
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(AlignedMtlScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) =>
        ScalarizerSetup.Of(new GramScalarizer(options, objectives, (signals, preference) => AlignedComponents.Solve(signals.Gram, preference)));
}
