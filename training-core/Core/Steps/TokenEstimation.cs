using Ctwa.Training.Advantages;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>What shards need to estimate advantages per token: rewards of completions for some streams.</summary>
/// <param name="Streams">Numbers of the streams; 0: the scalar reward, 1 + j: objective j.</param>
/// <param name="Rewards">[streams][B]; entries of dropped completions are ignored.</param>
/// <param name="Baselines">remax: reward of each completion's greedy one, [streams][B], NaN where it was dropped; else empty.</param>
/// <param name="Valid">False for dropped completions, shape [B].</param>
/// <param name="EarlierTokenReward">Of every token before a completion's last one.</param>
/// <param name="KlCoefficient">What a nat of divergence from the reference policy costs; 0: nothing.</param>
public sealed record TokenRewards(int[] Streams, double[][] Rewards, double[][] Baselines, bool[] Valid, double EarlierTokenReward, double KlCoefficient)
{
    /// <summary>Of some of the completions, in the given order.</summary>
    public TokenRewards Select(int[] completions)
    {
        double[][] Of(double[][] all) => [.. all.Select(one => completions.Select(i => one[i]).ToArray())];
        return this with { Rewards = Of(Rewards), Baselines = Of(Baselines), Valid = [.. completions.Select(i => Valid[i])] };
    }
}

/// <summary>What comes back of a stream's token advantages; they stay on their shards.</summary>
/// <param name="Moments">Over the tokens of valid completions.</param>
/// <param name="Means">Mean over each completion's tokens, shape [B].</param>
public sealed record StreamEstimate(TokenMoments Moments, double[] Means);

/// <summary>Token advantages of a shard's completions, in float64 on the host.</summary>
public static class TokenEstimation
{
    /// <summary>Estimates the streams and keeps their advantages with the completions.</summary>
    /// <param name="completions">With their signals; replaced by ones that hold the advantages.</param>
    /// <param name="rewards">Of these completions, in their order.</param>
    /// <returns>One per stream.</returns>
    public static StreamEstimate[] Run(AdvantageSpec spec, Completion[] completions, TokenRewards rewards)
    {
        var advantages = new double[rewards.Streams.Length][][];
        var estimates = new StreamEstimate[rewards.Streams.Length];
        for (int k = 0; k < rewards.Streams.Length; k++)
        {
            advantages[k] = [.. completions.Select((completion, i) => Advantages(spec, completion, rewards, k, i))];
            double[] tokens = [.. advantages[k].Where((_, i) => rewards.Valid[i]).SelectMany(values => values)];
            estimates[k] = new StreamEstimate(TokenMoments.Of(tokens), [.. advantages[k].Select((values, i) => rewards.Valid[i] && values.Length > 0 ? values.Average() : 0)]);
        }

        for (int i = 0; i < completions.Length; i++)
        {
            completions[i] = completions[i] with { Signals = completions[i].Signals!.With(rewards.Streams.Select((stream, k) => KeyValuePair.Create(stream, advantages[k][i]))) };
        }

        return estimates;
    }

    /// <summary>Puts shards' estimates together in shard order, so that the bits do not depend on who computed them.</summary>
    /// <param name="shards">[shards][streams].</param>
    /// <param name="rowsOf">Completions of each shard, in its order.</param>
    public static StreamEstimate[] Merge(IReadOnlyList<StreamEstimate[]> shards, IReadOnlyList<int[]> rowsOf)
    {
        var merged = new StreamEstimate[shards[0].Length];
        for (int k = 0; k < merged.Length; k++)
        {
            var moments = TokenMoments.None;
            double[] means = new double[rowsOf.Sum(rows => rows.Length)];
            for (int shard = 0; shard < shards.Count; shard++)
            {
                moments = moments.Merge(shards[shard][k].Moments);
                for (int i = 0; i < rowsOf[shard].Length; i++) { means[rowsOf[shard][i]] = shards[shard][k].Means[i]; }
            }

            merged[k] = new StreamEstimate(moments, means);
        }

        return merged;
    }

    private static double[] Advantages(AdvantageSpec spec, Completion completion, TokenRewards rewards, int k, int i)
    {
        int length = completion.Tokens.Length, stream = rewards.Streams[k];
        double[] advantages = new double[length], perToken = new double[length];
        if (!rewards.Valid[i] || length == 0) { return advantages; }
        var signals = completion.Signals!;
        for (int t = 0; t < length; t++)
        {
            perToken[t] = (t == length - 1 ? rewards.Rewards[k][i] : rewards.EarlierTokenReward) - (rewards.KlCoefficient == 0 ? 0 : rewards.KlCoefficient * signals.Divergence[t]);
        }

        switch (spec.Estimator)
        {
            case AdvantageEstimator.Gae:
                TokenReturns.Gae(perToken, [.. signals.Values[stream].Select(value => (double)value)], [], spec.Gamma, spec.Lambda, advantages);
                break;
            case AdvantageEstimator.ReinforcePlusPlus:
                TokenReturns.Discounted(perToken, [], spec.Gamma, advantages);
                break;
            case AdvantageEstimator.Remax:
                // Without its greedy completion there is nothing to compare with.
                if (double.IsFinite(rewards.Baselines[k][i])) { TokenReturns.Remax(perToken, [], rewards.Baselines[k][i], advantages); }
                break;
            default:
                throw new NotSupportedException($"{spec.Estimator} does not estimate advantages per token.");
        }

        return advantages;
    }
}
