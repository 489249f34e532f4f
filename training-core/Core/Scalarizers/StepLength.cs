using Ctwa.Training.Scalarizers.Gram;

namespace Ctwa.Training.Scalarizers;

/// <summary>Length of combined gradients, from their Gram matrix.</summary>
internal static class StepLength
{
    // Where gradients cancel, their combination is short on purpose, and what is left of it is noise.
    private const double LargestFactor = 100;

    /// <summary>‖Σ α_i g_i‖.</summary>
    public static double Of(double[,] gram, ReadOnlySpan<double> coefficients) => Math.Sqrt(SmallMatrix.Quadratic(gram, coefficients));

    /// <summary>α scaled so that ‖Σ α_i g_i‖ = ‖Σ p_i g_i‖, by at most a factor of 100.</summary>
    public static double[] LikeMean(double[,] gram, double[] coefficients, double[] preference)
    {
        double length = Of(gram, coefficients), wanted = Of(gram, preference);
        double factor = length > wanted / LargestFactor ? wanted / length : LargestFactor;
        return length == 0 ? coefficients : [.. coefficients.Select(value => value * factor)];
    }

    /// <summary>α scaled down so that ‖Σ α_i g_i‖ is at most the bound.</summary>
    public static double[] AtMost(double[,] gram, double[] coefficients, double bound)
    {
        double length = Of(gram, coefficients);
        return length > bound ? [.. coefficients.Select(value => value * bound / length)] : coefficients;
    }
}
