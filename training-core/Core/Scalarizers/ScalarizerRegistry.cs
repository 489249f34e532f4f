using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>A method ready to run and what to say about it at the start of a run.</summary>
/// <param name="Scalarizer">The method.</param>
/// <param name="Warnings">Complete sentences for the log; empty if there is nothing to warn about.</param>
public sealed record ScalarizerSetup(IScalarizer Scalarizer, IReadOnlyList<string> Warnings);

/// <summary>Methods by their options. A new method is one class, one options record and one line here.</summary>
public static class ScalarizerRegistry
{
    /// <summary>The method that the options describe.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    /// <exception cref="NotSupportedException">This build has no method for these options.</exception>
    public static ScalarizerSetup Create(ScalarizerSpec spec, IReadOnlyList<ObjectiveSpec> objectives)
    {
        if (objectives.Count == 0) { throw new ArgumentException("a scalarization method needs at least one objective; the job has none.", nameof(objectives)); }
        return (spec, spec.Mode) switch
        {
            (LinearScalarizerSpec, MethodMode.Corrected) => new(Linear(objectives, ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)])), []),
            (LinearScalarizerSpec, MethodMode.Reference) => new(ReferenceLinear(objectives), [Warning(LinearScalarizer.Method, "weights are used only if their float64 sum is exactly 1")]),
            (CtwaScalarizerSpec { Targets: null } ctwa, MethodMode.Corrected) => new(new CtwaBalancedScalarizer(ctwa, objectives), []),
            (CtwaScalarizerSpec ctwa, MethodMode.Corrected) => new(new CtwaScalarizer(ctwa, objectives), Unbounded(ctwa)),
            (CtwaScalarizerSpec ctwa, MethodMode.Reference) => new(new CtwaReferenceScalarizer(ctwa, objectives), [Warning(CtwaScalarizer.Method, "weights only grow, are not normalised, and grow without bound if a target is unreachable; groups without variance count as covariance 0; every step has one more forward pass")]),
            _ => throw new NotSupportedException($"no method is registered for {spec.GetType().Name} in mode {spec.Mode}; this build has linear and ctwa."),
        };
    }

    private static LinearScalarizer Linear(IReadOnlyList<ObjectiveSpec> objectives, double[] weights) => new([.. objectives.Select(objective => objective.Name)], weights);

    private static LinearScalarizer ReferenceLinear(IReadOnlyList<ObjectiveSpec> objectives)
    {
        double[] weights = [.. objectives.Select(objective => objective.Weight)];
        if (!ObjectiveWeights.ReferenceAccepts(weights)) { throw new ArgumentException(FormattableString.Invariant($"in mode reference the weights must sum to exactly 1 in float64, {ObjectiveWeights.Show(weights)} sum to {weights.Sum():R}; change the weights or use mode corrected, which normalises them."), nameof(objectives)); }
        return Linear(objectives, weights);
    }

    private static string Warning(string method, string defects) =>
        $"scalarizer '{method}' runs in mode: reference, which repeats the reference implementation's defects ({defects}); use it only to compare with that implementation.";

    private static IReadOnlyList<string> Unbounded(CtwaScalarizerSpec options) => options.Leak > 0
        ? []
        : ["scalarizer 'ctwa' has leak: 0, so nothing pulls log-weights back: a target that cannot be reached raises its weight until all others lie at the floor."];
}
