using Ctwa.Training.Specification;

namespace Ctwa.Training.Advantages;

/// <summary>
/// Estimators on one reward per response, in float64 on scalars: what a coordinator can compute from [B] numbers
/// (architecture: "Weigh"). Equal to the token-level estimators up to rounding, except that degenerate cases give 0.
/// </summary>
public static class OutcomeEstimator
{
    /// <summary>Estimates the advantages of a step with the job's estimator.</summary>
    /// <param name="rewards">Shape [B]; entries of dropped responses are ignored, whatever they hold.</param>
    /// <param name="lengths">Response lengths in tokens, shape [B].</param>
    /// <param name="groups">Prompt of each response, shape [B]; equal numbers form a group.</param>
    /// <param name="valid">False for dropped responses, shape [B]: no statistic sees them and their advantages are 0.</param>
    /// <param name="earlierTokenReward">
    /// Reward of every token before the last one, the same for all responses (reference Tchebycheff); it moves the returns of
    /// REINFORCE++, and cancels in estimators that compare responses of a prompt, since the reference charges padding too.
    /// </param>
    /// <param name="baselines">remax: reward of the greedy response to each response's prompt, shape [B]; NaN where it was dropped, and the advantage is 0.</param>
    /// <exception cref="ArgumentException">The shapes differ, a valid response's reward is not finite, or the estimator needs more than rewards (gae).</exception>
    public static OutcomeAdvantages Estimate(
        AdvantageSpec spec, ReadOnlySpan<double> rewards, ReadOnlySpan<int> lengths, ReadOnlySpan<int> groups, ReadOnlySpan<bool> valid, double earlierTokenReward = 0, ReadOnlySpan<double> baselines = default)
    {
        Check(rewards, lengths, groups, valid);
        return spec.Estimator switch
        {
            AdvantageEstimator.ReinforcePlusPlus => ReinforcePlusPlus(rewards, lengths, valid, spec.Gamma, earlierTokenReward),
            AdvantageEstimator.Remax => Remax(rewards, baselines, lengths, valid, earlierTokenReward),
            AdvantageEstimator.Gae => throw new ArgumentException("gae estimates advantages per token from values; it has no outcome form.", nameof(spec)),
            _ => GroupRelative(spec, rewards, lengths, groups, valid),
        };
    }

    private static OutcomeAdvantages ReinforcePlusPlus(ReadOnlySpan<double> rewards, ReadOnlySpan<int> lengths, ReadOnlySpan<bool> valid, double gamma, double earlierTokenReward) =>
        Whitened(new(Kept(rewards, valid), lengths.ToArray(), valid.ToArray(), gamma, Shift: 0, Scale: 1) { EarlierTokenReward = earlierTokenReward });

    private static OutcomeAdvantages GroupRelative(AdvantageSpec spec, ReadOnlySpan<double> rewards, ReadOnlySpan<int> lengths, ReadOnlySpan<int> groups, ReadOnlySpan<bool> valid)
    {
        double[] values = GroupBaselines.Advantages(spec.Estimator, rewards, lengths, groups, valid, spec.NormalizeByStd);
        var advantages = new OutcomeAdvantages(values, lengths.ToArray(), valid.ToArray(), Gamma: 1, Shift: 0, Scale: 1);
        return spec.Estimator == AdvantageEstimator.ReinforcePlusPlusBaseline ? Whitened(advantages) : advantages;
    }

    private static OutcomeAdvantages Remax(ReadOnlySpan<double> rewards, ReadOnlySpan<double> baselines, ReadOnlySpan<int> lengths, ReadOnlySpan<bool> valid, double earlierTokenReward)
    {
        if (baselines.Length != rewards.Length) { throw new ArgumentException($"remax has {baselines.Length} baselines for {rewards.Length} rewards; give the greedy response's reward of each response's prompt.", nameof(baselines)); }
        double[] values = Kept(rewards, valid);
        bool[] compared = valid.ToArray();
        for (int i = 0; i < values.Length; i++)
        {
            compared[i] &= double.IsFinite(baselines[i]);
            values[i] = compared[i] ? values[i] - baselines[i] : 0;
        }

        return new(values, lengths.ToArray(), compared, Gamma: 1, Shift: 0, Scale: 1) { EarlierTokenReward = earlierTokenReward };
    }

    /// <summary>The same with mean 0 and variance 1 over the tokens of valid responses.</summary>
    private static OutcomeAdvantages Whitened(OutcomeAdvantages raw)
    {
        // Two passes: sums of squares minus the squared mean would lose the variance of rewards that are nearly equal.
        long count = 0;
        double sum = 0, squares = 0, smallest = double.PositiveInfinity, largest = double.NegativeInfinity;
        for (int i = 0; i < raw.Value.Length; i++)
        {
            if (!raw.Valid[i]) { continue; }
            count += raw.Lengths[i];
            double discounted = raw.Value[i];
            for (int t = 0; t < raw.Lengths[i]; t++, discounted = (discounted * raw.Gamma) + raw.EarlierTokenReward)
            {
                sum += discounted;
                smallest = Math.Min(smallest, discounted);
                largest = Math.Max(largest, discounted);
            }
        }

        double mean = count == 0 ? 0 : sum / count;
        for (int i = 0; i < raw.Value.Length; i++)
        {
            if (!raw.Valid[i]) { continue; }
            double discounted = raw.Value[i];
            for (int t = 0; t < raw.Lengths[i]; t++, discounted = (discounted * raw.Gamma) + raw.EarlierTokenReward) { squares += (discounted - mean) * (discounted - mean); }
        }

        var (shift, scale) = new TokenMoments(count, mean, squares, smallest, largest).Whitening();
        return raw with { Shift = shift, Scale = scale };
    }

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
