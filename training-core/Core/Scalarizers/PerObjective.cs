using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>Lists of options with one number per objective.</summary>
internal static class PerObjective
{
    /// <summary>One finite number per objective, or null if the option is not given.</summary>
    /// <param name="key">Key below scalarizer.</param>
    /// <exception cref="ArgumentException">The list does not have one finite entry per objective.</exception>
    public static double[]? Expand(NumberOrList? numbers, int count, string key)
    {
        if (numbers is null) { return null; }
        double[] values;
        try { values = numbers.Expand(count); }
        catch (ArgumentException error) { throw new ArgumentException($"scalarizer.{key} {error.Message}", error); }

        return values.All(double.IsFinite) ? values : throw new ArgumentException($"scalarizer.{key} are {ObjectiveWeights.Show(values)}; they are finite numbers.", nameof(numbers));
    }

    /// <summary>Scores of one objective, shape [B].</summary>
    public static double[] Column(StepSignals signals, int objective) => [.. Enumerable.Range(0, signals.Valid.Length).Select(b => signals.Scores[b, objective])];
}
