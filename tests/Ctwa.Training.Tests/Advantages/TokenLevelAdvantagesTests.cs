using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Advantages;
using Ctwa.Training.Losses;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Losses;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Advantages;

public sealed class TokenLevelAdvantagesTests
{
    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void Every_estimator_equals_the_reference()
    {
        var seen = new HashSet<string>();
        foreach (var one in GoldenFolder.ReferenceCases("advantages"))
        {
            using var scope = torch.NewDisposeScope();
            var inputs = one.GetProperty("inputs");
            bool pipeline = inputs.TryGetProperty("fn", out var function) && function.GetString() == "pipeline";
            string estimator = inputs.GetProperty(pipeline ? "adv_estimator" : "estimator").GetString()!;
            seen.Add(pipeline ? "pipeline" : estimator);
            var case_ = new Case(one, Enum.Parse<AdvantageEstimator>(string.Concat(estimator.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..]))));
            if (pipeline) { Pipeline(case_); }
            else { Check(case_, case_.Input("token_level_rewards")); }
        }

        string[] all = ["gae", "grpo", "grpo_passk", "reinforce_plus_plus", "reinforce_plus_plus_baseline", "rloo", "opo", "remax", "gpg", "pipeline"];
        Assert.Superset(all.ToHashSet(), seen);
    }

    [Fact]
    public void A_response_alone_in_its_group_has_no_advantage()
    {
        using var scope = torch.NewDisposeScope();
        var rewards = torch.tensor(new float[] { 0, 5, 0, 1, 0, 0 }, [3, 2]);
        foreach (var estimator in (AdvantageEstimator[])[AdvantageEstimator.Grpo, AdvantageEstimator.GrpoPassk, AdvantageEstimator.Rloo, AdvantageEstimator.Opo, AdvantageEstimator.Gpg])
        {
            double[] values = GoldenTensor.ToArray(TokenLevelAdvantages.GroupRelative(estimator, rewards, torch.ones_like(rewards), [7, 1, 1], normalizeByStd: true));
            Assert.Equal([0, 0], values[..2]);
            Assert.True(values[2] > 0, $"{estimator}");
        }
    }

    [Fact]
    public void Rewards_outside_the_mask_do_not_count()
    {
        using var scope = torch.NewDisposeScope();
        var rewards = torch.tensor(new float[] { 1, 0, 9, 0, 2, 0 }, [2, 3]);
        var mask = torch.tensor(new float[] { 1, 1, 0, 1, 1, 0 }, [2, 3]);
        var advantages = TokenLevelAdvantages.GroupRelative(AdvantageEstimator.Rloo, rewards, mask, [0, 0], normalizeByStd: false);
        Assert.Equal([-1, -1, 0, 1, 1, 0], GoldenTensor.ToArray(advantages));
    }

    private static void Pipeline(Case one)
    {
        // The penalty is taken from the rewards with the coefficient before the step; the coefficient then moves.
        var mask = one.Input("response_mask");
        var kind = one.Inputs.GetProperty("kl_penalty").GetString() == "kl" ? KlKind.Kl : KlKind.LowVarKl;
        var divergence = KullbackLeibler.Divergence(kind, one.Input("old_log_prob"), one.Input("ref_log_prob")) * mask;
        double Number(string key) => one.Inputs.GetProperty(key).GetDouble();
        var spec = new RewardKlSpec { Coefficient = Number("kl_coef"), Kind = kind, Controller = KlController.Adaptive, Target = Number("target_kl"), Horizon = one.Inputs.GetProperty("horizon").GetInt32() };
        var state = RewardKlState.Initial(spec);
        double current = Ctwa.Training.Numerics.MaskedReduction.Mean(divergence, mask, 1).mean().ToDouble();
        one.Close("reward_kl_penalty", current);
        one.Close("coefficient_used", state.Coefficient);
        one.Close("coefficient_after", state.Next(spec, current, mask.shape[0]).Coefficient);
        var rewards = one.Input("token_level_rewards", "token_level_scores") - (divergence * state.Coefficient);
        one.Close("token_level_rewards", rewards);
        Check(one, rewards);
    }

    private static void Check(Case one, Tensor rewards)
    {
        var mask = one.Input("response_mask");
        (Tensor Advantages, Tensor Returns) Compute()
        {
            switch (one.Estimator)
            {
                case AdvantageEstimator.ReinforcePlusPlus: return TokenLevelAdvantages.ReinforcePlusPlus(rewards, mask, one.Inputs.GetProperty("gamma").GetDouble());
                case AdvantageEstimator.Gae: return TokenLevelAdvantages.Gae(rewards, one.Input("values"), mask, one.Inputs.GetProperty("gamma").GetDouble(), one.Inputs.GetProperty("lam").GetDouble());
                case AdvantageEstimator.Remax: return TokenLevelAdvantages.Remax(rewards, mask, one.Input("reward_baselines"));
                default:
                    bool normalize = one.Inputs.TryGetProperty("norm_adv_by_std_in_grpo", out var flag) && flag.GetBoolean();
                    var both = TokenLevelAdvantages.GroupRelative(one.Estimator, rewards, mask, Groups(one.Inputs.GetProperty("index")), normalize, reference: true);
                    return (both, both);
            }
        }

        if (one.Outputs.TryGetProperty("error", out _))
        {
            Assert.Throws<ArgumentException>(() => Compute());
            return;
        }

        var (advantages, returns) = Compute();
        one.Close("advantages", advantages);
        one.Close("returns", returns);
        CheckRows(one, rewards, mask);
    }

    /// <summary>The same by the rows that shards compute, whitened by merged moments.</summary>
    private static void CheckRows(Case one, Tensor rewards, Tensor mask)
    {
        if (one.Estimator is not (AdvantageEstimator.ReinforcePlusPlus or AdvantageEstimator.Gae or AdvantageEstimator.Remax)) { return; }
        int rows = (int)rewards.shape[0], width = (int)rewards.shape[1];
        double[] all = new double[rows * width], reward = GoldenTensor.ToArray(rewards), inside = GoldenTensor.ToArray(mask);
        double[] values = one.Estimator == AdvantageEstimator.Gae ? GoldenTensor.ToArray(one.Input("values")) : [];
        double[] baselines = one.Estimator == AdvantageEstimator.Remax ? GoldenTensor.ToArray(one.Input("reward_baselines")) : [];
        var moments = TokenMoments.None;
        for (int i = 0; i < rows; i++)
        {
            var row = new Range(i * width, (i + 1) * width);
            bool[] tokens = [.. inside[row].Select(flag => flag != 0)];
            var target = all.AsSpan(row);
            switch (one.Estimator)
            {
                case AdvantageEstimator.ReinforcePlusPlus: TokenReturns.Discounted(reward[row], tokens, one.Inputs.GetProperty("gamma").GetDouble(), target); break;
                case AdvantageEstimator.Gae: TokenReturns.Gae(reward[row], values[row], tokens, one.Inputs.GetProperty("gamma").GetDouble(), one.Inputs.GetProperty("lam").GetDouble(), target); break;
                default: TokenReturns.Remax(reward[row], tokens, baselines[i], target); break;
            }

            moments = moments.Merge(TokenMoments.Of([.. all[row].Where((_, t) => tokens[t])]));
        }

        if (one.Estimator != AdvantageEstimator.Remax)
        {
            var (shift, scale) = moments.Whitening();
            all = [.. all.Select((value, k) => one.Estimator == AdvantageEstimator.Gae || inside[k] != 0 ? (value - shift) * scale : 0)];
        }

        one.Close("advantages", torch.tensor(all, [rows, width]));
    }

    private static int[] Groups(JsonElement index)
    {
        var numbers = new Dictionary<string, int>();
        return [.. index.EnumerateArray().Select(id => numbers.TryGetValue(id.ToString(), out int n) ? n : numbers[id.ToString()] = numbers.Count)];
    }

    private sealed record Case(JsonElement Json, AdvantageEstimator Estimator)
    {
        public JsonElement Inputs => Json.GetProperty("inputs");

        public JsonElement Outputs => Json.GetProperty("outputs");

        private string Name => Json.GetProperty("name").GetString()!;

        private (double Absolute, double Relative) Tolerance => GoldenTensor.TypeOf(Json) == torch.ScalarType.Float64 ? (1e-9, 1e-9) : (5e-6, 1e-5);

        public Tensor Input(string key, string? orElse = null) =>
            GoldenTensor.Read(Inputs.TryGetProperty(key, out var value) ? value : Inputs.GetProperty(orElse!), GoldenTensor.TypeOf(Json));

        public void Close(string output, Tensor actual) => GoldenTensor.AssertClose(Outputs.GetProperty(output), actual, Tolerance.Absolute, Tolerance.Relative, $"{Name} {output}");

        public void Close(string output, double actual) => GoldenTensor.AssertClose(Outputs.GetProperty(output).GetDouble(), actual, Tolerance.Absolute, Tolerance.Relative, $"{Name} {output}");
    }
}
