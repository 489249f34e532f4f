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

    /// <exception cref="ArgumentException">The reference implementation does not accept the weights.</exception>
    internal static void RequireReferenceAccepts(IReadOnlyList<double> weights)
    {
        if (!ReferenceAccepts(weights)) { throw new ArgumentException(FormattableString.Invariant($"in mode reference the weights must sum to exactly 1 in float64, {Show(weights)} sum to {weights.Sum():R}; change the weights or use mode corrected, which normalises them."), nameof(weights)); }
    }

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

    /// <summary>
    /// The same with a largest weight too: w_i = e^(u_i + t) cut to [floor, cap], with the one t at which they sum to 1. Those
    /// between the bounds keep their proportions.
    /// </summary>
    /// <param name="logWeights">u, shape [M].</param>
    /// <param name="floor">At most 1/M.</param>
    /// <param name="cap">At least 1/M and the floor.</param>
    public static double[] SoftmaxWithBounds(ReadOnlySpan<double> logWeights, double floor, double cap)
    {
        if (cap >= 1) { return SoftmaxWithFloor(logWeights, floor); }

        // Weights of 0 have logarithm −∞; a finite one lets them take what the cap leaves over.
        double[] u = logWeights.ToArray();
        double top = u.Max(), low = Math.Log(floor), high = Math.Log(cap);
        for (int j = 0; j < u.Length; j++) { u[j] = Math.Max(u[j], top - 700); }
        double At(double t) => u.Sum(one => Math.Clamp(Math.Exp(Math.Min(one + t, 0)), floor, cap));

        // The sum rises with t and bends where a weight leaves the floor or reaches the cap; 1 lies before one of the bends.
        double[] bends = [.. u.Select(one => low - one).Concat(u.Select(one => high - one)).Where(double.IsFinite).Order()];
        double end = bends.FirstOrDefault(bend => At(bend) >= 1, bends[^1]);
        bool[] between = [.. u.Select(one => low - one < end && high - one >= end)];
        double[] weights = [.. u.Select(one => Math.Clamp(Math.Exp(Math.Min(one + end, 0)), floor, cap))];
        double rest = 1 - weights.Where((_, j) => !between[j]).Sum(), largest = between.Contains(true) ? u.Where((_, j) => between[j]).Max() : 0;
        double sum = u.Where((_, j) => between[j]).Sum(one => Math.Exp(one - largest));
        for (int j = 0; j < weights.Length; j++)
        {
            if (between[j]) { weights[j] = Math.Clamp(rest * Math.Exp(u[j] - largest) / sum, floor, cap); }
        }

        return weights;
    }

    /// <summary>Checks that weights of at least the floor can sum to 1.</summary>
    /// <exception cref="ArgumentException">The floor is negative or exceeds 1/number of objectives.</exception>
    internal static void RequireFloor(double floor, int count)
    {
        if (!(floor >= 0) || floor * count > 1 + 1e-12) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.floor is {floor} for {count} objectives; it must lie between 0 and {1.0 / count} so that the weights can sum to 1."), nameof(floor)); }
    }

    internal static string Show(IEnumerable<double> values) => "(" + string.Join(", ", values.Select(value => FormattableString.Invariant($"{value}"))) + ")";
}
