using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>UPGrad (arXiv 2406.16232), the preference-weighted mean of the gradients projected on the dual cone.</summary>
internal static class UPGradScalarizer
{
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(UPGradScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) =>
        ScalarizerSetup.Of(new GramScalarizer(options, objectives, (signals, preference) => DualCone.UPGrad(signals.Gram, preference)));
}
