using Ctwa.Training.Advantages;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Numerics;
using FsCheck.Xunit;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Advantages;

public sealed class OutcomeAdvantagesTests
{
    private static readonly AdvantageEstimator[] s_estimators = [.. Enum.GetValues<AdvantageEstimator>().Where(estimator => estimator != AdvantageEstimator.Gae)];

    [Property(MaxTest = 60)]
    public void Outcome_level_equals_token_level(int seed, byte estimator, bool normalize, bool discounted)
    {
        var spec = new AdvantageSpec { Estimator = s_estimators[estimator % s_estimators.Length], Gamma = discounted ? 0.95 : 1, NormalizeByStd = normalize };
        var step = Step.Random(seed);
        double[] baselines = [.. step.Groups.Select(group => 0.25 * group)];
        var outcome = OutcomeEstimator.Estimate(spec, step.Rewards, step.Lengths, step.Groups, step.Valid, baselines: baselines);
        double[] means = outcome.MeanTokenAdvantage();

        using var scope = torch.NewDisposeScope();
        int width = step.Lengths.Max();
        double[] rewards = new double[step.Count * width], mask = new double[step.Count * width];
        int[] groups = new int[step.Count];
        for (int i = 0; i < step.Count; i++)
        {
            // A dropped response is one that the token-level estimator never saw: no tokens, a group of its own.
            groups[i] = step.Valid[i] ? step.Groups[i] : 1000 + i;
            if (!step.Valid[i]) { continue; }
            Array.Fill(mask, 1, i * width, step.Lengths[i]);
            rewards[(i * width) + step.Lengths[i] - 1] = step.Rewards[i];
        }

        var rewards_BT = torch.tensor(rewards, [step.Count, width]);
        var mask_BT = torch.tensor(mask, [step.Count, width]);
        // The factor of GPG counts samples, and dropped ones are none.
        int[] kept = [.. Enumerable.Range(0, step.Count).Where(i => step.Valid[i])];
        var keptRows = torch.tensor([.. kept.Select(i => (long)i)]);
        var expected_BT = spec.Estimator switch
        {
            AdvantageEstimator.ReinforcePlusPlus => TokenLevelAdvantages.ReinforcePlusPlus(rewards_BT, mask_BT, spec.Gamma).Advantages,
            AdvantageEstimator.Remax => TokenLevelAdvantages.Remax(rewards_BT, mask_BT, torch.tensor(baselines)).Advantages,
            _ => torch.zeros_like(rewards_BT).index_copy_(0, keptRows, TokenLevelAdvantages.GroupRelative(
                spec.Estimator, rewards_BT.index_select(0, keptRows), mask_BT.index_select(0, keptRows), [.. kept.Select(i => groups[i])], normalize)),
        };
        double[] expected = GoldenTensor.ToArray(expected_BT);
        float[] row = new float[width];
        for (int i = 0; i < step.Count; i++)
        {
            Array.Clear(row);
            outcome.TokenAdvantages(i, step.Lengths[i], row);
            double sum = 0;
            for (int t = 0; t < width; t++)
            {
                GoldenTensor.AssertClose(expected[(i * width) + t], row[t], 1e-5, 1e-5, $"seed {seed}, response {i}, token {t}");
                sum += row[t];
            }

            GoldenTensor.AssertClose(sum / step.Lengths[i], means[i], 1e-5, 1e-5, $"seed {seed}, mean of response {i}");
        }
    }

    [Property(MaxTest = 60)]
    public void Dropped_responses_change_nothing_whatever_they_hold(int seed, byte estimator)
    {
        var spec = new AdvantageSpec { Estimator = s_estimators[estimator % s_estimators.Length] };
        var step = Step.Random(seed);
        double[] baselines = new double[step.Count];
        var clean = OutcomeEstimator.Estimate(spec, step.Rewards, step.Lengths, step.Groups, step.Valid, baselines: baselines);
        double[] poisoned = [.. step.Rewards.Select((r, i) => step.Valid[i] ? r : double.NaN)];
        var same = OutcomeEstimator.Estimate(spec, poisoned, step.Lengths, step.Groups, step.Valid, baselines: baselines);
        Assert.Equal(clean.MeanTokenAdvantage(), same.MeanTokenAdvantage());
        Assert.All(Enumerable.Range(0, step.Count).Where(i => !step.Valid[i]), i => Assert.Equal(0, same.MeanTokenAdvantage()[i]));
    }

    [Theory]
    [InlineData(AdvantageEstimator.ReinforcePlusPlus)]
    [InlineData(AdvantageEstimator.Grpo)]
    [InlineData(AdvantageEstimator.GrpoPassk)]
    [InlineData(AdvantageEstimator.Rloo)]
    [InlineData(AdvantageEstimator.Opo)]
    [InlineData(AdvantageEstimator.Gpg)]
    [InlineData(AdvantageEstimator.ReinforcePlusPlusBaseline)]
    public void Degenerate_steps_give_zeros(AdvantageEstimator estimator)
    {
        var spec = new AdvantageSpec { Estimator = estimator };
        (double[] Rewards, int[] Lengths)[] steps =
        [
            ([3], [1]),                        // one token
            ([0.1, 0.1, 0.1], [3, 5, 7]),      // no variance; the mean of 0.1 rounds
        ];
        foreach (var (rewards, lengths) in steps)
        {
            int[] groups = new int[rewards.Length];
            var outcome = OutcomeEstimator.Estimate(spec, rewards, lengths, groups, [.. rewards.Select(_ => true)]);
            Assert.All(outcome.MeanTokenAdvantage(), mean => Assert.Equal(0, mean));
            float[] row = new float[8];
            for (int i = 0; i < rewards.Length; i++)
            {
                outcome.TokenAdvantages(i, lengths[i], row);
                Assert.All(row, a => Assert.Equal(0f, a));
            }
        }

        var allDropped = OutcomeEstimator.Estimate(spec, [1, 2], [3, 3], [0, 0], [false, false]);
        Assert.Equal([0, 0], allDropped.MeanTokenAdvantage());
    }

    [Fact]
    public void A_greedy_response_that_was_dropped_leaves_no_advantage()
    {
        var spec = new AdvantageSpec { Estimator = AdvantageEstimator.Remax };
        var outcome = OutcomeEstimator.Estimate(spec, [1, 0, 1], [2, 3, 4], [0, 0, 1], [true, true, true], baselines: [0.5, 0.5, double.NaN]);
        Assert.Equal([0.5, -0.5, 0], outcome.MeanTokenAdvantage());
        Assert.Throws<ArgumentException>(() => OutcomeEstimator.Estimate(spec, [1], [2], [0], [true]));
        Assert.Throws<ArgumentException>(() => OutcomeEstimator.Estimate(new AdvantageSpec { Estimator = AdvantageEstimator.Gae }, [1], [2], [0], [true]));
    }

    [Fact]
    public void Gpg_makes_up_for_groups_without_a_difference()
    {
        // Two of four samples are in a group that differs: their advantages count twice.
        var outcome = OutcomeEstimator.Estimate(new AdvantageSpec { Estimator = AdvantageEstimator.Gpg }, [1, 0, 1, 1], [1, 1, 1, 1], [0, 0, 1, 1], [true, true, true, true]);
        Assert.Equal([1, -1, 0, 0], outcome.MeanTokenAdvantage());
    }

    [Fact]
    public void Whitening_survives_rewards_that_are_nearly_equal()
    {
        // One pass over (sum, sum of squares) would find a variance of 0 or below here.
        var outcome = OutcomeEstimator.Estimate(new AdvantageSpec(), [1e8, 1e8 + 1], [2, 2], [0, 0], [true, true]);
        Assert.Equal(-0.8660254, outcome.MeanTokenAdvantage()[0], 1e-6);
        Assert.Equal(0.8660254, outcome.MeanTokenAdvantage()[1], 1e-6);
    }

    [Property(MaxTest = 60)]
    public void Combining_objectives_equals_weighting_their_token_advantages(int seed)
    {
        var spec = new AdvantageSpec { Gamma = 0.9 };
        Step[] steps = [Step.Random(seed), Step.Random(seed) with { Rewards = Step.Random(seed + 1).Rewards }];
        if (steps[1].Rewards.Length != steps[0].Count) { steps[1] = steps[0] with { Rewards = [.. steps[0].Rewards.Select(r => (r * r) - 1)] }; }
        double[] weights = [0.7, -1.5];
        OutcomeAdvantages[] each = [.. steps.Select(s => OutcomeEstimator.Estimate(spec, s.Rewards, s.Lengths, s.Groups, s.Valid))];
        var combined = OutcomeAdvantages.Combine(each, weights);
        for (int i = 0; i < steps[0].Count; i++)
        {
            int length = steps[0].Lengths[i];
            float[][] rows = [new float[length], new float[length], new float[length]];
            each[0].TokenAdvantages(i, length, rows[0]);
            each[1].TokenAdvantages(i, length, rows[1]);
            combined.TokenAdvantages(i, length, rows[2]);
            for (int t = 0; t < length; t++) { Assert.Equal((weights[0] * rows[0][t]) + (weights[1] * rows[1][t]), rows[2][t], 1e-4); }
        }
    }

    [Fact]
    public void Wrong_inputs_are_named()
    {
        var spec = new AdvantageSpec();
        Assert.Contains("response 1", Assert.Throws<ArgumentException>(
            () => OutcomeEstimator.Estimate(spec, [1, double.NaN], [1, 1], [0, 0], [true, true])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => OutcomeEstimator.Estimate(spec, [1, 2], [1], [0, 0], [true, true]));
        var outcome = OutcomeEstimator.Estimate(spec, [1, 2], [3, 4], [0, 0], [true, true]);
        Assert.Contains("had 4", Assert.Throws<ArgumentException>(() => outcome.TokenAdvantages(1, 3, new float[4])).Message, StringComparison.Ordinal);
    }

    /// <summary>A random step of 2 to 13 responses, some dropped, at least two of them valid.</summary>
    private sealed record Step(double[] Rewards, int[] Lengths, int[] Groups, bool[] Valid)
    {
        public int Count => Rewards.Length;

        public static Step Random(int seed)
        {
            int At(int bound, int what, int i) => CounterRandom.Below(bound, seed, RandomPurpose.Test, 0, 0, what, i);
            int count = 2 + At(12, 0, 0);
            bool binary = At(2, 1, 0) == 0;
            var all = Enumerable.Range(0, count);
            return new(
                [.. all.Select(i => binary ? At(2, 2, i) : CounterRandom.Normal(seed, RandomPurpose.Test, 0, 0, 3, i))],
                [.. all.Select(i => 1 + At(9, 4, i))],
                [.. all.Select(i => At(4, 5, i))],
                [.. all.Select(i => i < 2 || At(4, 6, i) > 0)]);
        }
    }

    // A perfect answer of 400 tokens against a useless one of 20, every earlier token charged 1/3 (reference Tchebycheff).
    [Fact]
    public void A_charge_on_earlier_tokens_makes_the_return_at_the_first_token_a_length_penalty()
    {
        const double charge = -1.0 / 3;
        int[] lengths = [400, 20];
        bool[] valid = [true, true];
        var charged = OutcomeEstimator.Estimate(new AdvantageSpec(), [0, charge], lengths, [0, 0], valid, charge);
        Assert.Equal(-133, (charged.Value[0] + (charge * 399)), 9);
        float[] longAnswer = new float[400], shortAnswer = new float[20];
        charged.TokenAdvantages(0, 400, longAnswer);
        charged.TokenAdvantages(1, 20, shortAnswer);
        Assert.Equal(-133.0, (longAnswer[0] / charged.Scale) + charged.Shift, 3);
        Assert.Equal(-20.0 / 3, (shortAnswer[0] / charged.Scale) + charged.Shift, 3);
        Assert.Equal(longAnswer.Average(advantage => (double)advantage), charged.MeanTokenAdvantage()[0], 5);

        // Whitened over all tokens, as without a charge.
        float[] all = [.. longAnswer, .. shortAnswer];
        Assert.Equal(0, all.Average(advantage => (double)advantage), 5);
        Assert.Equal(1, Math.Sqrt(all.Sum(advantage => (double)advantage * advantage) / (all.Length - 1)), 3);
        var plain = OutcomeEstimator.Estimate(new AdvantageSpec(), [1, 0], lengths, [0, 0], valid);
        Assert.Equal(0, plain.EarlierTokenReward);
    }

    [Fact]
    public void Advantages_cut_at_zero_keep_the_credit_of_the_good_answers()
    {
        var cut = OutcomeEstimator.Estimate(new AdvantageSpec(), [1, 0], [3, 3], [0, 0], [true, true]) with { NonNegative = true };
        float[] good = new float[3], bad = new float[3];
        cut.TokenAdvantages(0, 3, good);
        cut.TokenAdvantages(1, 3, bad);
        Assert.All(good, advantage => Assert.True(advantage > 0.9));
        Assert.All(bad, advantage => Assert.Equal(0, advantage));
        Assert.Equal(good[0], cut.MeanTokenAdvantage()[0], 6);
        Assert.Throws<ArgumentException>(() => OutcomeAdvantages.Combine([cut], [1]));
    }
}
