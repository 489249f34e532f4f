namespace Ctwa.Training.Scalarizers;

/// <summary>Euclidean projection on the probability simplex by sorting (Duchi et al., "Efficient projections onto the l1-ball", ICML 2008).</summary>
internal static class SimplexProjection
{
    /// <summary>argmin over w ≥ 0, Σ w_i = 1 of ‖w − v‖, shape [M].</summary>
    public static double[] Of(double[] v)
    {
        double[] sorted = [.. v.OrderDescending()];
        double sum = 0, threshold = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            sum += sorted[i];
            double candidate = (sum - 1) / (i + 1);
            if (sorted[i] - candidate > 0) { threshold = candidate; }
        }

        return [.. v.Select(value => Math.Max(0, value - threshold))];
    }
}
