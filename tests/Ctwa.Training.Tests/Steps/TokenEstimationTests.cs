using Ctwa.Training.Advantages;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Advantages that shards estimate per token against those from numbers per completion.</summary>
public sealed class TokenEstimationTests
{
    [Property(MaxTest = 60)]
    public void Without_a_penalty_tokens_have_the_advantages_of_their_outcome(int seed, bool remax, bool discounted)
    {
        var spec = new AdvantageSpec { Estimator = remax ? AdvantageEstimator.Remax : AdvantageEstimator.ReinforcePlusPlus, Gamma = discounted && !remax ? 0.9 : 1 };
        var step = new Step(seed, values: 0);
        double[] baselines = [.. step.Groups.Select(group => group == 1 ? double.NaN : 0.3 * group)];
        var outcome = OutcomeEstimator.Estimate(spec, step.Rewards, step.Lengths, step.Groups, step.Valid, earlierTokenReward: 0.1, baselines);
        var tokens = step.Estimate(spec, earlier: 0.1, coefficient: 0, [baselines]);
        for (int i = 0; i < step.Lengths.Length; i++)
        {
            // A dropped greedy completion leaves no advantage at all.
            if (remax && double.IsNaN(baselines[i])) { Assert.All(step.Tokens(tokens, i), value => Assert.Equal(0, value)); continue; }
            float[] expected = new float[step.Lengths[i]];
            outcome.TokenAdvantages(i, step.Lengths[i], expected);
            Assert.Equal(expected, step.Tokens(tokens, i), (left, right) => Math.Abs(left - right) < 1e-5);
            Assert.Equal(outcome.MeanTokenAdvantage()[i], tokens.MeanTokenAdvantage()[i], 1e-8);
        }
    }

    [Property(MaxTest = 60)]
    public void With_values_of_zero_and_lambda_one_gae_is_the_whitened_return(int seed)
    {
        var step = new Step(seed, values: 1);
        var zero = step with { Completions = [.. step.Completions.Select(one => one with { Signals = one.Signals! with { Values = [new float[one.Tokens.Length]] } })] };
        var gae = zero.Estimate(new AdvantageSpec { Estimator = AdvantageEstimator.Gae, Gamma = 0.95 }, 0, 0, []);
        var returns = OutcomeEstimator.Estimate(new AdvantageSpec { Gamma = 0.95 }, step.Rewards, step.Lengths, step.Groups, step.Valid);
        for (int i = 0; i < step.Lengths.Length; i++)
        {
            float[] expected = new float[step.Lengths[i]];
            returns.TokenAdvantages(i, step.Lengths[i], expected);
            Assert.Equal(expected, zero.Tokens(gae, i), (left, right) => Math.Abs(left - right) < 1e-5);
        }

        // And values do matter: the last token's advantage is the reward minus its value.
        step.Estimate(new AdvantageSpec { Estimator = AdvantageEstimator.Gae, Gamma = 0.95 }, 0, 0, []);
        int valid = Array.IndexOf(step.Valid, true);
        var signals = step.Completions[valid].Signals!;
        Assert.Equal(step.Rewards[valid] - signals.Values[0][^1], signals.Advantages[0][^1], 1e-9);
    }

    [Property(MaxTest = 60)]
    public void The_penalty_costs_every_token_its_own_divergence(int seed)
    {
        var step = new Step(seed, values: 0);
        step.Estimate(new AdvantageSpec(), earlier: 0, coefficient: 0.5, []);
        for (int i = 0; i < step.Lengths.Length; i++)
        {
            if (!step.Valid[i]) { continue; }
            double[] raw = step.Completions[i].Signals!.Advantages[0];
            float[] divergence = step.Completions[i].Signals!.Divergence;
            for (int t = 0; t < raw.Length; t++) { Assert.Equal(step.Rewards[i] - (0.5 * divergence[t..].Sum(d => (double)d)), raw[t], 1e-9); }
        }
    }

    [Fact]
    public void Streams_combine_like_their_token_values()
    {
        var step = new Step(4, values: 0);
        double[] weights = [0.7, -1.5];
        var first = step.Estimate(new AdvantageSpec(), 0, 0.2, [], stream: 1);
        var second = (step with { Rewards = [.. step.Rewards.Select((reward, i) => (reward * reward) - i)] }).Estimate(new AdvantageSpec(), 0, 0.2, [], stream: 2);
        var combined = OutcomeAdvantages.Combine([first, second], weights);
        for (int i = 0; i < step.Lengths.Length; i++)
        {
            float[] one = step.Tokens(first, i), other = step.Tokens(second, i), both = step.Tokens(combined, i);
            for (int t = 0; t < both.Length; t++) { Assert.Equal((weights[0] * one[t]) + (weights[1] * other[t]), both[t], 1e-5); }
        }
    }

    [Property(MaxTest = 60)]
    public void Moments_do_not_depend_on_how_shards_divide_the_tokens(int seed)
    {
        double[] values = [.. Enumerable.Range(0, 40).Select(i => 1e6 + CounterRandom.Normal(seed, RandomPurpose.Test, 0, i, 0, 0))];
        var whole = TokenMoments.Of(values);
        int cut = CounterRandom.Below(41, seed, RandomPurpose.Test, 0, 0, 1, 0);
        var merged = TokenMoments.Of(values.AsSpan(0, cut)).Merge(TokenMoments.Of(values.AsSpan(cut)));
        Assert.Equal(whole.Whitening().Shift, merged.Whitening().Shift, 1e-8);
        Assert.Equal(whole.Whitening().Scale, merged.Whitening().Scale, 1e-7);
        Assert.Equal((whole.Count, whole.Smallest, whole.Largest), (merged.Count, merged.Smallest, merged.Largest));
    }

    [Fact]
    public void Tokens_that_do_not_differ_have_no_signal()
    {
        Assert.Equal(0, TokenMoments.Of([0.1, 0.1, 0.1]).Whitening().Scale);
        Assert.Equal(0, TokenMoments.Of([5]).Whitening().Scale);
        Assert.Equal(0, TokenMoments.None.Whitening().Scale);
    }

    /// <summary>A random step of completions with measured tokens, in two shards.</summary>
    private sealed record Step
    {
        public Step(int seed, int values)
        {
            int At(int bound, int what, int i) => CounterRandom.Below(bound, seed, RandomPurpose.Test, 0, 0, what, i);
            float Number(int what, int i, int t) => (float)CounterRandom.Uniform(seed, RandomPurpose.Test, what, i, 0, t);
            int count = 2 + At(10, 0, 0);
            var all = Enumerable.Range(0, count).ToArray();
            Rewards = [.. all.Select(i => CounterRandom.Normal(seed, RandomPurpose.Test, 0, i, 1, 0))];
            Lengths = [.. all.Select(i => 1 + At(9, 2, i))];
            Groups = [.. all.Select(i => At(3, 3, i))];
            Valid = [.. all.Select(i => i < 2 || At(4, 4, i) > 0)];
            Completions = [.. all.Select(i => new Completion(new EncodedPrompt(i, i, [1]), 0, new int[Lengths[i]], new float[Lengths[i]], true)
            {
                Signals = new TokenSignals([], [.. Enumerable.Range(0, Lengths[i]).Select(t => Number(5, i, t))], [.. Enumerable.Range(0, values).Select(s => Enumerable.Range(0, Lengths[i]).Select(t => Number(6 + s, i, t)).ToArray())]),
            })];
        }

        public double[] Rewards { get; init; }

        public int[] Lengths { get; }

        public int[] Groups { get; }

        public bool[] Valid { get; }

        public Completion[] Completions { get; init; }

        public OutcomeAdvantages Estimate(AdvantageSpec spec, double earlier, double coefficient, double[][] baselines, int stream = 0)
        {
            var rewards = new TokenRewards([stream], [Rewards], baselines, Valid, earlier, coefficient);
            int[][] rowsOf = [[.. Enumerable.Range(0, Lengths.Length / 2)], [.. Enumerable.Range(Lengths.Length / 2, Lengths.Length - (Lengths.Length / 2))]];
            var shards = new List<StreamEstimate[]>();
            foreach (int[] rows in rowsOf)
            {
                Completion[] part = [.. rows.Select(row => Completions[row])];
                shards.Add(TokenEstimation.Run(spec, part, rewards.Select(rows)));
                for (int i = 0; i < rows.Length; i++) { Completions[rows[i]] = part[i]; }
            }

            var estimate = TokenEstimation.Merge(shards, rowsOf)[0];
            var (shift, scale) = spec.Estimator == AdvantageEstimator.Remax ? (0, 1) : estimate.Moments.Whitening();
            return new OutcomeAdvantages(estimate.Means, Lengths, Valid, 1, shift, scale) { Streams = [new StreamTerm(stream, 1)] };
        }

        public float[] Tokens(OutcomeAdvantages advantages, int i)
        {
            float[] tokens = new float[Lengths[i]];
            advantages.TokenAdvantages(i, Completions[i].Signals!.Advantages, tokens);
            return tokens;
        }
    }
}
