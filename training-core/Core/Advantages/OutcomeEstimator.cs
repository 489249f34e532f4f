using Ctwa.Training.Specification;

namespace Ctwa.Training.Advantages;

/// <summary>
/// Estimators on one reward per response, in float64 on scalars: what a coordinator can compute from [B] numbers
/// (architecture: "Weigh"). Equal to the token-level estimators up to rounding, except that degenerate cases give 0.
/// </summary>
public static class OutcomeEstimator
{
    /// <summary>Inside the inverse square root of whitening; the reference's value.</summary>
    private const double VarianceFloor = 1e-8;

    /// <summary>Estimates the advantages of a step with the job's estimator.</summary>
    /// <param name="rewards">Shape [B]; entries of dropped responses are ignored, whatever they hold.</param>
    /// <param name="lengths">Response lengths in tokens, shape [B].</param>
    /// <param name="groups">Prompt of each response, shape [B]; equal numbers form a group.</param>
    /// <param name="valid">False for dropped responses, shape [B]: no statistic sees them and their advantages are 0.</param>
    /// <param name="earlierTokenReward">
    /// Reward of every token before the last one, the same for all responses (reference Tchebycheff); it moves the returns of
    /// REINFORCE++, and cancels in estimators that compare responses of a prompt, since the reference charges padding too.
    /// </param>
    /// <exception cref="ArgumentException">The shapes differ, or a valid response's reward is not finite.</exception>
    public static OutcomeAdvantages Estimate(
        AdvantageSpec spec, ReadOnlySpan<double> rewards, ReadOnlySpan<int> lengths, ReadOnlySpan<int> groups, ReadOnlySpan<bool> valid, double earlierTokenReward = 0)
    {
        Check(rewards, lengths, groups, valid);
        return spec.Estimator switch
        {
            AdvantageEstimator.ReinforcePlusPlus => ReinforcePlusPlus(rewards, lengths, valid, spec.Gamma, earlierTokenReward),
            AdvantageEstimator.Grpo => GroupRelative(rewards, lengths, groups, valid, spec.NormalizeByStd),
            _ => throw new ArgumentException($"advantage.estimator is {spec.Estimator}, which this build does not have; use reinforce_plus_plus or grpo.", nameof(spec)),
        };
    }

    private static OutcomeAdvantages ReinforcePlusPlus(ReadOnlySpan<double> rewards, ReadOnlySpan<int> lengths, ReadOnlySpan<bool> valid, double gamma, double earlierTokenReward)
    {
        // Two passes: sums of squares minus the squared mean would lose the variance of rewards that are nearly equal.
        long count = 0;
        double sum = 0, smallest = double.PositiveInfinity, largest = double.NegativeInfinity;
        for (int i = 0; i < rewards.Length; i++)
        {
            if (!valid[i]) { continue; }
            count += lengths[i];
            double discounted = rewards[i];
            for (int t = 0; t < lengths[i]; t++, discounted = (discounted * gamma) + earlierTokenReward)
            {
                sum += discounted;
                smallest = Math.Min(smallest, discounted);
                largest = Math.Max(largest, discounted);
            }
        }

        double[] value = Kept(rewards, valid);
        double mean = count == 0 ? 0 : sum / count;
        // Without a difference between tokens there is no signal, and the rounding of the mean must not become one.
        if (count < 2 || smallest == largest) { return new(value, lengths.ToArray(), valid.ToArray(), gamma, mean, 0) { EarlierTokenReward = earlierTokenReward }; }

        double squares = 0;
        for (int i = 0; i < rewards.Length; i++)
        {
            if (!valid[i]) { continue; }
            double discounted = rewards[i];
            for (int t = 0; t < lengths[i]; t++, discounted = (discounted * gamma) + earlierTokenReward) { squares += (discounted - mean) * (discounted - mean); }
        }

        return new(value, lengths.ToArray(), valid.ToArray(), gamma, mean, 1 / Math.Sqrt((squares / (count - 1)) + VarianceFloor)) { EarlierTokenReward = earlierTokenReward };
    }

    private static OutcomeAdvantages GroupRelative(
        ReadOnlySpan<double> rewards, ReadOnlySpan<int> lengths, ReadOnlySpan<int> groups, ReadOnlySpan<bool> valid, bool normalizeByStd) =>
        new(GroupNormalization.Normalize(rewards, groups, valid, normalizeByStd), lengths.ToArray(), valid.ToArray(), Gamma: 1, Shift: 0, Scale: 1);

    private static double[] Kept(ReadOnlySpan<double> rewards, ReadOnlySpan<bool> valid)
    {
        double[] kept = new double[rewards.Length];
        for (int i = 0; i < kept.Length; i++) { kept[i] = valid[i] ? rewards[i] : 0; }
        return kept;
    }

    private static void Check(ReadOnlySpan<double> rewards, ReadOnlySpan<int> lengths, ReadOnlySpan<int> groups, ReadOnlySpan<bool> valid)
    {
        if (lengths.Length != rewards.Length || groups.Length != rewards.Length || valid.Length != rewards.Length)
        {
            throw new ArgumentException(
                $"{rewards.Length} rewards, {lengths.Length} lengths, {groups.Length} groups and {valid.Length} valid flags; give one of each per response.");
        }

        for (int i = 0; i < rewards.Length; i++)
        {
            if (valid[i] && !double.IsFinite(rewards[i]))
            {
                throw new ArgumentException($"the reward of response {i} is {rewards[i]}; rewards must be finite, or the response dropped.", nameof(rewards));
            }

            if (lengths[i] < 0) { throw new ArgumentException($"response {i} has length {lengths[i]}; lengths are 0 or more.", nameof(lengths)); }
        }
    }
}
