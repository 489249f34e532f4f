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
        double[] targets = Expand(options.Targets ?? throw new ArgumentException("scalarizer.targets are missing; the controller needs one per objective or one for all.", nameof(options)), count, "targets");
        return (targets, options.ObjectiveTargets is null ? [.. Enumerable.Repeat(double.PositiveInfinity, count)] : Expand(options.ObjectiveTargets, count, "objective_targets"));
    }

    /// <summary>u⁰: logarithms of the normalised start weights.</summary>
    public static double[] StartLogWeights(IReadOnlyList<ObjectiveSpec> objectives) =>
        [.. ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]).Select(weight => Math.Log(Math.Max(weight, SmallestWeight)))];

    /// <exception cref="ArgumentException">The floor is negative or exceeds 1/number of objectives.</exception>
    public static void RequireFloor(CtwaScalarizerSpec options, int count)
    {
        if (options.Floor < 0 || options.Floor * count > 1 + 1e-12) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.floor is {options.Floor} for {count} objectives; it must lie between 0 and {1.0 / count} so that the weights can sum to 1."), nameof(options)); }
    }

    private static double[] Expand(NumberOrList numbers, int count, string key)
    {
        double[] values;
        try { values = numbers.Expand(count); }
        catch (ArgumentException error) { throw new ArgumentException($"scalarizer.{key} {error.Message}", error); }

        return values.All(double.IsFinite) ? values : throw new ArgumentException($"scalarizer.{key} are {ObjectiveWeights.Show(values)}; they are finite numbers.", nameof(numbers));
    }
}
