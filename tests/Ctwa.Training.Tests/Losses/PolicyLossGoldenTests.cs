using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Losses;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Losses;

public sealed class PolicyLossGoldenTests
{
    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void Every_policy_loss_equals_the_reference()
    {
        var seen = new HashSet<string>();
        foreach (var one in GoldenFolder.ReferenceCases("policy_losses"))
        {
            // agg_loss and entropy_loss have no mode and are tested with the token weights.
            if (!one.GetProperty("inputs").TryGetProperty("loss_mode", out var mode))
            {
                Assert.Contains(one.GetProperty("inputs").GetProperty("fn").GetString(), (string?[])["agg_loss", "entropy_loss"]);
                continue;
            }

            seen.Add(mode.GetString()!);
            using var scope = torch.NewDisposeScope();
            var packed = new Case(one);
            packed.Check();
            if (mode.GetString() == "hack") { packed.CheckClipDistortion(); }
        }

        Assert.Superset(new HashSet<string> { "vanilla", "gspo", "gpg", "geo_mean", "kl_cov", "clip_cov", "hack" }, seen);
    }

    /// <summary>A case with its response tokens laid end to end, as the trainer sees them.</summary>
    private sealed class Case
    {
        private readonly JsonElement _json;
        private readonly torch.ScalarType _type;
        private readonly Tensor _mask;

        public Case(JsonElement json)
        {
            (_json, _type) = (json, GoldenTensor.TypeOf(json));
            _mask = Grid("response_mask");
        }

        private JsonElement Inputs => _json.GetProperty("inputs");

        private JsonElement Outputs => _json.GetProperty("outputs");

        private string Name => _json.GetProperty("name").GetString()!;

        private string Mode => Inputs.GetProperty("loss_mode").GetString()!;

        private double Setting(string key, double otherwise) =>
            Inputs.GetProperty("config").TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : otherwise;

        private Tensor Grid(string key) => GoldenTensor.Read(Inputs.GetProperty(key), _type);

        private Tensor Packed(Tensor grid) => grid.masked_select(_mask.ne(0));

        private LossSpec Spec() => new()
        {
            Kind = Mode switch
            {
                "vanilla" or "hack" => LossKind.Ppo,
                "gspo" => LossKind.Gspo,
                "gpg" => LossKind.Gpg,
                "geo_mean" => LossKind.Gmpo,
                "kl_cov" => LossKind.KlCov,
                "clip_cov" => LossKind.ClipCov,
                _ => throw new NotSupportedException($"{Name}: no test for {Mode}."),
            },
            ClipLow = Setting("clip_ratio_low", Setting("clip_ratio", double.NaN)),
            ClipHigh = Setting("clip_ratio_high", Setting("clip_ratio", double.NaN)),
            DualClip = Mode == "vanilla" ? Setting("clip_ratio_c", 3) : 0,
            CovShare = Mode == "kl_cov" ? Setting("kl_cov_ratio", 0.0002) : Setting("clip_cov_ratio", 0.0002),
            CovLow = Setting("clip_cov_lb", 1),
            CovHigh = Setting("clip_cov_ub", 5),
            CovPenalty = Setting("ppo_kl_coef", 1),
        };

        public void Check()
        {
            var spec = Spec();
            // GSPO and GMPO of the reference take the mean over responses, whatever the aggregation.
            var aggregation = Mode is "gspo" or "geo_mean" ? LossAggregation.SequenceMeanTokenMean : LossCase.Aggregation(Inputs);
            var weights = Packed(LossCase.Weights(aggregation, _mask));
            Tensor grid = Grid("log_prob").requires_grad_(), current = Packed(grid), old = Packed(Grid("old_log_prob")), advantages = Packed(Grid("advantages"));
            double cap = Setting("tis_imp_ratio_cap", -1);
            // Truncated importance sampling is a factor per token: it goes into the weights.
            if (cap > 0 && Inputs.TryGetProperty("rollout_log_prob", out _)) { weights = weights * TokenWeights.Importance(old, Packed(Grid("rollout_log_prob")), cap); }
            int[] lengths = [.. GoldenTensor.ToArray(_mask.sum(1)).Select(length => (int)length)];
            float[] Floats(Tensor tokens) => [.. GoldenTensor.ToArray(tokens).Select(value => (float)value)];
            bool[]? selected = spec.Kind switch
            {
                LossKind.KlCov => TokenSelection.ForPenalty(Floats(advantages), Floats(current), spec.CovShare),
                LossKind.ClipCov => TokenSelection.ForClipping(Floats(advantages), Floats(current), Floats(old), spec, [.. Enumerable.Range(0, (int)current.shape[0]).Select(i => (ulong)i)]),
                _ => null,
            };
            var part = PolicyLoss.Compute(new LossTokens(current, old, advantages, weights) { Lengths = lengths, Selected = selected is null ? null : torch.tensor(selected) }, spec);
            part.Loss.backward();

            var sums = PolicyLossSums.Read(part.Sums);
            double share = LossCase.ReferenceDivisor(aggregation, LossCase.Counts(_mask)), perToken = LossCase.ReferenceDivisor(LossAggregation.TokenMean, LossCase.Counts(_mask));
            Close("pg_loss", part.Loss.ToDouble() * share);
            Close("pg_loss", sums.Loss * share);
            var (absolute, relative) = Tolerance;
            GoldenTensor.AssertClose(Outputs.GetProperty("grad_log_prob"), grid.grad! * share, absolute, relative, Name + " gradient");
            // The reference measures nothing beside GPG and reports zeros; KL-Cov reports |log ratio|; Clip-Cov the share of chosen tokens.
            Close("pg_clipfrac", Mode switch { "gpg" or "kl_cov" => 0, "clip_cov" => sums.SelectedFraction * perToken, _ => sums.ClipFraction * perToken });
            Close("pg_clipfrac_lower", Mode is "vanilla" or "geo_mean" ? sums.LowerClipFraction * perToken : 0);
            Close("ppo_kl", Mode switch { "gpg" => 0, "kl_cov" => sums.MeanAbsoluteLogRatio * perToken, _ => sums.ApproximateKl * perToken });
        }

        /// <summary>What the diagnostic mode <c>hack</c> adds: weights of responses with and without clipping, and their covariance with the objectives.</summary>
        public void CheckClipDistortion()
        {
            var spec = Spec();
            int rows = (int)_mask.shape[0], width = (int)_mask.shape[1];
            double[] old = GoldenTensor.ToArray(Grid("old_log_prob")), current = GoldenTensor.ToArray(Grid("log_prob")), advantages = GoldenTensor.ToArray(Grid("advantages")), mask = GoldenTensor.ToArray(_mask);
            double[] clipped = new double[rows], unclipped = new double[rows];
            double active = 0;
            for (int i = 0; i < rows; i++)
            {
                var row = new Range(i * width, (i + 1) * width);
                double Weight(double low, double high, out int open) => ClippedAdvantageWeight.Of<double>(old[row], current[row], advantages[row], mask[row], low, high, WeightAggregation.Mean, out open);
                clipped[i] = Weight(spec.ClipLow, spec.ClipHigh, out int openTokens);
                unclipped[i] = Weight(1e30, 1e30, out _);
                active += openTokens;
            }

            var extra = Outputs.GetProperty("extra_metrics");
            void Extra(string key, double actual) => GoldenTensor.AssertClose(extra.GetProperty(key).GetDouble(), actual, Tolerance.Absolute, Tolerance.Relative, $"{Name} {key}");
            double[] difference = [.. clipped.Zip(unclipped, (with, without) => with - without)];
            double mean = clipped.Average();
            Extra("clip/wclip/dist_abs", difference.Average(Math.Abs));
            Extra("clip/wclip/dist", difference.Average());
            Extra("clip/wclip/act_frac", active / mask.Sum());
            Extra("clip/wclip/std", Math.Sqrt(clipped.Average(w => (w - mean) * (w - mean))));
            string[] prompts = [.. Inputs.GetProperty("uids").EnumerateArray().Select(uid => uid.ToString())];
            int[][] groups = [.. Enumerable.Range(0, rows).GroupBy(i => prompts[i]).Select(group => group.ToArray()).Where(group => group.Length > 1)];
            Extra("clip/wclip_cov/n_groups", groups.Length);
            double[] scores = GoldenTensor.ToArray(Grid("per_objective_scores"));
            string[] names = [.. Inputs.GetProperty("objective_names").EnumerateArray().Select(name => name.GetString()!)];
            for (int j = 0; j < names.Length; j++)
            {
                double Covariance(int[] group)
                {
                    double score = group.Average(i => scores[(i * names.Length) + j]), weight = group.Average(i => clipped[i]);
                    return group.Average(i => (scores[(i * names.Length) + j] - score) * (clipped[i] - weight));
                }

                // −100 is the reference's word for no group.
                Extra($"clip/wclip_cov/{names[j]}", groups.Length == 0 ? -100 : groups.Average(Covariance));
            }
        }

        private (double Absolute, double Relative) Tolerance => _type == torch.ScalarType.Float64 ? (1e-10, 1e-9) : (2e-6, 5e-6);

        private void Close(string output, double actual) => GoldenTensor.AssertClose(Outputs.GetProperty(output).GetDouble(), actual, Tolerance.Absolute, Tolerance.Relative, $"{Name} {output}");
    }
}
