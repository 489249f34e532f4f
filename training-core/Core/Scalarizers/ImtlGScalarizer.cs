using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>IMTL-G (ICLR 2021) with projections in proportion to the preference; equal weights give the paper's.</summary>
internal static class ImtlGScalarizer
{
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(ImtlGScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) =>
        ScalarizerSetup.Of(new GramScalarizer(options, objectives, (signals, preference) => EqualProjections.Solve(signals.Gram, preference)));
}
