namespace Ctwa.Training.Scalarizers;

/// <summary>
/// The weights at which the worst correlation between an objective and the scalar reward is as large as it can be:
/// max over λ ≥ 0 of min_j corr(r_j, Σ_k λ_k r_k) / p_j. Since a correlation is the cosine between standardised rewards z,
/// this is the point of the hull of the z_j/p_j that is nearest to 0 (the minimum-norm problem of Désidéri's MGDA, in
/// reward space): all objectives that carry weight have the same corr/p, and none has less.
/// </summary>
internal static class CorrelationBalance
{
    // Pairwise descent converges linearly; the cap only matters for rewards that are equal but for rounding.
    private const int MaxSteps = 10_000;
    private const double Tolerance = 1e-12;

    /// <summary>Solves for the weights of the standardised rewards.</summary>
    /// <param name="moments">C row by row, shape [M·M]; every diagonal entry positive.</param>
    /// <param name="shares">p, the wanted proportions of the correlations, positive, shape [M].</param>
    /// <returns>Weights of r_j/sd(r_j), shape [M], not normalised, and corr(r_j, s) at them, shape [M] (0 if s is constant).</returns>
    public static (double[] Weights, double[] Correlations) Solve(double[] moments, double[] shares)
    {
        int width = shares.Length;
        double At(int j, int k) => moments[(j * width) + k] / Math.Sqrt(moments[(j * width) + j] * moments[(k * width) + k]) / (shares[j] * shares[k]);
        double[] point = [.. Enumerable.Repeat(1.0 / width, width)], gradient = new double[width];
        for (int step = 0; step < MaxSteps; step++)
        {
            for (int j = 0; j < width; j++)
            {
                gradient[j] = 0;
                for (int k = 0; k < width; k++) { gradient[j] += At(j, k) * point[k]; }
            }

            // Exact line search between the vertex that should lose most and the one that should gain most.
            int from = -1, to = 0;
            for (int j = 0; j < width; j++)
            {
                if (point[j] > 0 && (from < 0 || gradient[j] > gradient[from])) { from = j; }
                if (gradient[j] < gradient[to]) { to = j; }
            }

            double gap = gradient[from] - gradient[to], curvature = At(from, from) + At(to, to) - (2 * At(from, to));
            if (gap <= Tolerance || curvature <= 0) { break; }
            double move = Math.Min(point[from], gap / curvature);
            point[from] = move == point[from] ? 0 : point[from] - move;
            point[to] += move;
        }

        double norm = Math.Sqrt(Math.Max(0, point.Zip(gradient, (p, g) => p * g).Sum()));
        return ([.. point.Select((p, j) => p / shares[j])], [.. gradient.Select((g, j) => norm > 0 ? g * shares[j] / norm : 0)]);
    }
}
