using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Specification;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Whole update calls of the reference's actor, on a linear policy: this project's losses, reference methods, clipping and order of
/// operations arrive at the same parameters and metrics.
/// </summary>
[Trait("Category", GoldenFolder.Category)]
public sealed class ActorUpdateGoldenTests
{
    private const double Absolute = 2e-5, Relative = 1e-4;

    public static TheoryData<string> Kinds() => ["update_policy", "update_policy_covariance", "update_policy_mgda", "update_policy_lagrangian", "update_policy_gradnorm", "update_policy_pama", "compute_gradients"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_update_call_equals_every_recorded_one(string kind)
    {
        var cases = GoldenFolder.ReferenceCases("actor_updates").Where(item => item.GetProperty("inputs").GetProperty("fn").GetString() == kind).ToList();
        Assert.NotEmpty(cases);
        Assert.All(cases, Check);
    }

    [Fact]
    public void No_recorded_kind_is_left_out() =>
        Assert.Empty(GoldenFolder.ReferenceCases("actor_updates").Select(item => item.GetProperty("inputs").GetProperty("fn").GetString()!).Except([.. Kinds().Select(row => row.Data)]));

    private static void Check(JsonElement item)
    {
        using var scope = torch.NewDisposeScope();
        var (inputs, outputs) = (item.GetProperty("inputs"), item.GetProperty("outputs"));
        var actor = new ActorUpdate(inputs);
        var call = CallOf(actor, inputs);
        int number = 0;

        // The recording kept one tensor: all calls of a case show the parameters after the last one.
        double[][] recorded = [.. outputs.GetProperty("steps").EnumerateArray().Where(step => step.TryGetProperty("theta", out _)).Select(step => GoldenNumbers.Row(step.GetProperty("theta")))];
        bool finalOnly = recorded.All(theta => theta.SequenceEqual(recorded[0]));
        foreach (var step in inputs.GetProperty("steps").EnumerateArray())
        {
            var expected = outputs.GetProperty("steps")[number];
            string at = $"{GoldenNumbers.Name(item)}, call {number++}: ";
            actor.StartCall();
            double[] result = call(step);
            if (expected.TryGetProperty("gradient", out var gradient))
            {
                GoldenNumbers.AssertClose(GoldenNumbers.Row(gradient), result, Absolute, Relative, at + "gradient");
                continue;
            }

            if (!finalOnly || number == recorded.Length) { GoldenNumbers.AssertClose(recorded[number - 1], actor.Theta, Absolute, Relative, at + "theta"); }
            if (expected.TryGetProperty("weights", out var weights)) { GoldenNumbers.AssertClose(GoldenNumbers.Row(weights), result, Absolute, Relative, at + "weights"); }
            var metrics = expected.GetProperty("metrics");
            Assert.Equal(metrics.EnumerateObject().Select(metric => metric.Name).Order(StringComparer.Ordinal), actor.Metrics.Keys);
            foreach (var metric in metrics.EnumerateObject()) { GoldenNumbers.AssertClose(GoldenNumbers.Row(metric.Value), [.. actor.Metrics[metric.Name]], Absolute, Relative, at + metric.Name); }
        }
    }

    /// <summary>One update call; what it returns is the gradient (compute_gradients) or the weights (gradnorm).</summary>
    private static Func<JsonElement, double[]> CallOf(ActorUpdate actor, JsonElement inputs)
    {
        var config = inputs.GetProperty("config");
        var names = Enumerable.Range(0, inputs.GetProperty("per_objective_scores")[0].GetArrayLength()).Select(i => Objectives.Of($"o{i}")).ToArray();
        switch (inputs.GetProperty("fn").GetString())
        {
            case "update_policy":
                return step => Train(actor, ActorUpdate.Read(step, "advantages"));
            case "update_policy_covariance":
                return step => TrainWithStatistics(actor, inputs, ActorUpdate.Read(step, "advantages"));
            case "update_policy_lagrangian":
                double[] multipliers = GoldenNumbers.Row(inputs.GetProperty("lagrange_multipliers"));
                return step => Train(actor, ActorUpdate.Read(step, "advantages_multi").mul(torch.tensor((double[])[1, .. multipliers])).sum(-1));
            case "update_policy_pama":
                // With a positive scalar for every token, Noon-PPO's −s·min(ρ, clip ρ) is the clipped surrogate against the reference policy.
                return step =>
                {
                    double scalar = step.GetProperty("s_star").GetDouble();
                    Assert.True(scalar >= 0, "a negative s* is not the clipped surrogate.");
                    var advantages = torch.full_like(ActorUpdate.Read(inputs, "response_mask"), Native.Scalars.Of(scalar));
                    actor.ForEachMiniBatch((first, count) => actor.Step(actor.Gradient(first, count, advantages, RatioTo.Reference, ("actor/", ""), kl: false).Gradient));
                    return [];
                };
            case "compute_gradients":
                return step => actor.Gradient(0, actor.Samples, ActorUpdate.Read(step, "advantages"), RatioTo.Old, metric: null).Gradient;
            case "update_policy_mgda":
                bool unit = config.TryGetProperty("norm_grad_norm", out var flag) && flag.GetBoolean();
                return Solving(actor, new MgdaReferenceScalarizer(new() { Mode = MethodMode.Reference, Normalization = unit ? GradientNormalization.L2 : GradientNormalization.None }, names), "actor/", "mgda/weight_", unit);
            case "update_policy_gradnorm":
                var spec = new GradNormScalarizerSpec { Mode = MethodMode.Reference, Alpha = config.GetProperty("gradnorm_alpha").GetDouble(), LearningRate = config.GetProperty("gradnorm_lr").GetDouble() };
                return Solving(actor, new GradNormReferenceScalarizer(spec, names), "gradnorm/", "gradnorm/weight_", unit: false);
            default:
                throw new NotSupportedException($"no test for {inputs.GetProperty("fn")}.");
        }
    }

    private static double[] Train(ActorUpdate actor, Tensor advantages)
    {
        actor.ForEachMiniBatch((first, count) => actor.Step(actor.Gradient(first, count, advantages, actor.OnPolicy ? RatioTo.Itself : RatioTo.Old, ("actor/", "")).Gradient));
        return [];
    }

    /// <summary>Each objective's gradient by itself, the method's coefficients, their combination; the state goes from call to call.</summary>
    private static Func<JsonElement, double[]> Solving(ActorUpdate actor, IScalarizer method, string prefix, string weight, bool unit)
    {
        var state = method.Initial();
        return step =>
        {
            var advantages = ActorUpdate.Read(step, "advantages_multi");
            int objectives = (int)advantages.shape[2];
            double[] coefficients = [];
            actor.ForEachMiniBatch((first, count) =>
            {
                var gradients = new double[objectives, actor.Theta.Length];
                var losses = new double[objectives];
                for (int s = 0; s < objectives; s++)
                {
                    var (gradient, loss) = actor.Gradient(first, count, advantages.select(2, s), actor.OnPolicy ? RatioTo.Itself : RatioTo.Old, (prefix, $"_{s}"));
                    losses[s] = loss;
                    for (int p = 0; p < gradient.Length; p++) { gradients[s, p] = gradient[p]; }
                }

                var signals = GradientSignalsOf.Gradients(gradients, losses);
                (coefficients, state) = method.Solve(signals, state);
                double[] lengths = GradientDiagnostics.Magnitudes(signals.Gram);
                for (int s = 0; s < objectives; s++) { actor.Log($"{weight}{s}", coefficients[s] * (unit ? lengths[s] : 1)); }
                actor.Step(Gram.Jacobians.Combine(gradients, coefficients));
            });
            return coefficients;
        };
    }

    /// <summary>The reference's CTWA actor: an update, then statistics under the updated policy.</summary>
    private static double[] TrainWithStatistics(ActorUpdate actor, JsonElement inputs, Tensor advantages)
    {
        Train(actor, advantages);
        double[][] old = ActorUpdate.Rows(ActorUpdate.Read(inputs, "old_log_prob")), now = actor.LogProbabilities();
        double[][] tokens = ActorUpdate.Rows(advantages), mask = ActorUpdate.Rows(ActorUpdate.Read(inputs, "response_mask"));
        double clip = inputs.GetProperty("config").GetProperty("clip_ratio").GetDouble();
        double[,] scores = GoldenNumbers.Matrix(inputs.GetProperty("per_objective_scores"));
        var signal = new double[mask.Length];
        int open = 0;
        for (int b = 0; b < signal.Length; b++)
        {
            signal[b] = ClippedAdvantageWeight.Of<double>(old[b], now[b], tokens[b], mask[b], clip, clip, WeightAggregation.Mean, out int unclipped);
            open += unclipped;
        }

        var labels = inputs.GetProperty("uids").EnumerateArray().Select(uid => uid.ToString()).ToList();
        var statistics = ReferencePromptStatistics.Compute(scores, signal, [.. labels.Select(label => labels.IndexOf(label))]);
        actor.Log("ctwa/w_mean", statistics.SignalMean);
        actor.Log("ctwa/w_std", statistics.SignalDeviation);
        actor.Log("ctwa/unclip_frac", open / mask.Sum(row => row.Sum()));
        actor.Log("ctwa/n_groups", statistics.Groups);
        for (int j = 0; j < scores.GetLength(1); j++)
        {
            actor.Log($"ctwa/cov_mean/o{j}", statistics.Covariance[j]);
            actor.Log($"ctwa/corr_mean/o{j}", statistics.Correlation[j]);
            actor.Log($"ctwa/objective_mean/o{j}", Enumerable.Range(0, scores.GetLength(0)).Average(b => scores[b, j]));
        }

        return [];
    }
}
