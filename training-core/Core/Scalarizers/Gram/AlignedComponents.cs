namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// Aligned-MTL (Senushkin et al., "Independent component alignment for multi-task learning", CVPR 2023, algorithm 1): the matrix of
/// gradients is replaced by the nearest one whose principal components are orthogonal and as long as the shortest,
/// α = √σ_min · V Σ^(−1/2) Vᵀ p with G = V Σ Vᵀ.
/// </summary>
internal static class AlignedComponents
{
    // Smaller components are the rounding of float32 gradients; scaling them up would make it the direction of the step.
    private const double RankTolerance = 1e-10;

    /// <summary>α, shape [M]; the preference itself if every gradient is 0.</summary>
    public static double[] Solve(double[,] gram, IReadOnlyList<double> preference)
    {
        var input = GramInput.Of(gram, preference);
        if (input.IsZero) { return [.. preference]; }
        var eigen = SymmetricEigen.Of(input.Values);
        double cutoff = RankTolerance * input.Count * eigen.Values.Max();
        double smallest = eigen.Values.Where(value => value > cutoff).Min();
        var result = new double[input.Count];
        for (int k = 0; k < input.Count; k++)
        {
            if (eigen.Values[k] <= cutoff) { continue; }
            double component = 0;
            for (int j = 0; j < input.Count; j++) { component += eigen.Vectors[j, k] * preference[j]; }
            for (int i = 0; i < input.Count; i++) { result[i] += Math.Sqrt(smallest / eigen.Values[k]) * eigen.Vectors[i, k] * component; }
        }

        return result;
    }
}
