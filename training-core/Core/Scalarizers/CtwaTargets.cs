using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>What both modes of CTWA read from the job.</summary>
internal static class CtwaTargets
{
    /// <summary>The smallest start weight whose logarithm is taken, as in the reference.</summary>
    private const double SmallestWeight = 1e-8;

    /// <summary>Targets c* and gates, one per objective; no gate is +∞.</summary>
    /// <exception cref="ArgumentException">A list does not have one finite entry per objective.</exception>
    public static (double[] Targets, double[] Gates) Expand(CtwaScalarizerSpec options, int count)
    {
        double[] targets = PerObjective.Expand(options.Targets, count, "targets") ?? throw new ArgumentException("scalarizer.targets are missing; the controller needs one per objective or one for all.", nameof(options));
        return (targets, PerObjective.Expand(options.ObjectiveTargets, count, "objective_targets") ?? [.. Enumerable.Repeat(double.PositiveInfinity, count)]);
    }

    /// <summary>u⁰: logarithms of the normalised start weights.</summary>
    public static double[] StartLogWeights(IReadOnlyList<ObjectiveSpec> objectives) =>
        [.. ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]).Select(weight => Math.Log(Math.Max(weight, SmallestWeight)))];

    /// <exception cref="ArgumentException">The floor is negative or exceeds 1/number of objectives, or the cap is below the floor or 1/number of objectives.</exception>
    public static void RequireBounds(CtwaScalarizerSpec options, int count)
    {
        if (options.Floor < 0 || options.Floor * count > 1 + 1e-12) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.floor is {options.Floor} for {count} objectives; it must lie between 0 and {1.0 / count} so that the weights can sum to 1."), nameof(options)); }
        if (options.Cap < options.Floor || options.Cap * count < 1 - 1e-12) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.cap is {options.Cap} for {count} objectives and a floor of {options.Floor}; it must be at least the floor and {1.0 / count} so that the weights can sum to 1."), nameof(options)); }
    }

    /// <summary>
    /// Share of the scalar reward's within-prompt deviation that each target asks for, shape [M]. Since Σ_j λ_j Cov(r_j, s) = Var(s),
    /// a sum above 1 says that the targets cannot all be met at the present weights by a signal that is s whitened.
    /// </summary>
    /// <param name="areCorrelations">True: λ_j σ_j c*_j / σ(s); false, for covariances: λ_j c*_j / σ(s).</param>
    public static double[] Budget(StepSignals signals, double[] weights, double[] targets, bool areCorrelations)
    {
        double[] combined = ObjectiveWeights.Combine(signals, weights);
        int width = weights.Length;
        var columns = new double[combined.Length, width + 1];
        for (int b = 0; b < combined.Length; b++)
        {
            for (int j = 0; j < width; j++) { columns[b, j] = signals.Scores[b, j]; }
            columns[b, width] = combined[b];
        }

        double[] deviations = WithinPromptStatistics.Compute(columns, combined, signals.Groups, signals.Valid).ScoreDeviation;
        return [.. weights.Select((weight, j) => deviations[width] > 0 ? weight * (areCorrelations ? deviations[j] : 1) * targets[j] / deviations[width] : 0)];
    }
}
