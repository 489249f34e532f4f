namespace Ctwa.Training.Scalarizers;

/// <summary>Weights over the objectives: normalisation, the reference's check, combination of scores, softmax with a floor.</summary>
public static class ObjectiveWeights
{
    /// <summary>Weights scaled to sum 1.</summary>
    /// <exception cref="ArgumentException">A weight is negative or not finite, or all are 0.</exception>
    public static double[] Normalize(IReadOnlyList<double> weights)
    {
        if (weights.Any(weight => !double.IsFinite(weight) || weight < 0)) { throw new ArgumentException($"the objectives' weights are {Show(weights)}; every weight is a finite number of at least 0.", nameof(weights)); }
        double sum = weights.Sum();
        if (sum <= 0) { throw new ArgumentException($"the objectives' weights are {Show(weights)}; at least one must be positive.", nameof(weights)); }
        return [.. weights.Select(weight => weight / sum)];
    }

    /// <summary>Whether the reference implementation accepts weights: their float64 sum, left to right, is exactly 1 (so it refuses 0.6, 0.3, 0.1 and accepts −0.5, 1.5).</summary>
    public static bool ReferenceAccepts(IReadOnlyList<double> weights) => weights.Aggregate(0.0, (sum, weight) => sum + weight) == 1.0;

    /// <summary>r_b = Σ_j w_j r_bj, shape [B]; 0 for invalid samples.</summary>
    public static double[] Combine(StepSignals signals, ReadOnlySpan<double> weights)
    {
        var rewards = new double[signals.Scores.GetLength(0)];
        for (int b = 0; b < rewards.Length; b++)
        {
            for (int j = 0; j < weights.Length && signals.Valid[b]; j++) { rewards[b] += weights[j] * signals.Scores[b, j]; }
        }

        return rewards;
    }

    /// <summary>Softmax of log-weights in which no weight is below the floor: those below are raised to it, the others keep their proportions. Sums to 1.</summary>
    /// <param name="logWeights">u, shape [M].</param>
    /// <param name="floor">Smallest weight, at most 1/M.</param>
    public static double[] SoftmaxWithFloor(ReadOnlySpan<double> logWeights, double floor)
    {
        var weights = logWeights.ToArray();
        double largest = weights.Max();
        for (int j = 0; j < weights.Length; j++) { weights[j] = Math.Exp(weights[j] - largest); }

        // Each pass fixes at least one more weight at the floor, so it ends after at most M passes.
        var raised = new bool[weights.Length];
        while (true)
        {
            double free = 0;
            for (int j = 0; j < weights.Length; j++) { free += raised[j] ? 0 : weights[j]; }
            double budget = 1 - (floor * raised.Count(isRaised => isRaised));
            bool changed = false;
            for (int j = 0; j < weights.Length; j++)
            {
                if (!raised[j] && weights[j] / free * budget < floor) { raised[j] = changed = true; }
            }

            // With floor = 1/M rounding could raise all of them: then they are equal.
            if (raised.All(isRaised => isRaised)) { Array.Fill(weights, 1.0 / weights.Length); return weights; }
            if (changed) { continue; }
            for (int j = 0; j < weights.Length; j++) { weights[j] = raised[j] ? floor : weights[j] / free * budget; }
            return weights;
        }
    }

    /// <summary>Checks that weights of at least the floor can sum to 1.</summary>
    /// <exception cref="ArgumentException">The floor is negative or exceeds 1/number of objectives.</exception>
    internal static void RequireFloor(double floor, int count)
    {
        if (!(floor >= 0) || floor * count > 1 + 1e-12) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.floor is {floor} for {count} objectives; it must lie between 0 and {1.0 / count} so that the weights can sum to 1."), nameof(floor)); }
    }

    internal static string Show(IEnumerable<double> values) => "(" + string.Join(", ", values.Select(value => FormattableString.Invariant($"{value}"))) + ")";
}
