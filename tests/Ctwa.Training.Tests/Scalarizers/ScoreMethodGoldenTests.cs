using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Advantages;
using Ctwa.Training.Losses;
using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Scalarizers;

/// <summary>Reference mode of Lagrangian, Tchebycheff and PAMA equals every recorded case within the fixtures' tolerances.</summary>
[Trait("Category", GoldenFolder.Category)]
public sealed class ScoreMethodGoldenTests
{
    private sealed record Case(string Name, JsonElement Inputs, JsonElement Outputs, bool IsDouble)
    {
        public static IEnumerable<Case> All(string family) => GoldenFolder.ReferenceCases(family).Select(item => new Case(
            item.GetProperty("name").GetString()!, item.GetProperty("inputs"), item.GetProperty("outputs"), item.TryGetProperty("dtype", out var dtype) && dtype.GetString() == "float64"));

        public void Close(string field, double expected, double actual) => Close(field, expected, actual, IsDouble ? 1e-10 : 2e-6);

        private void Close(string field, double expected, double actual, double absolute)
        {
            double relative = IsDouble ? 1e-9 : 1e-5;
            Assert.True(Math.Abs(expected - actual) <= absolute + (relative * Math.Abs(expected)), $"{Name}: {field} is {actual:R}, recorded {expected:R}.");
        }

        /// <summary>
        /// The fixtures' tolerance for advantages: their division by a small deviation of float32 sums moves the recorded numbers
        /// themselves by 3e-6 against exact arithmetic.
        /// </summary>
        public void CloseAdvantages(string field, double[] expected, double[] actual)
        {
            Assert.Equal(expected.Length, actual.Length);
            for (int i = 0; i < expected.Length; i++) { Close($"{field}[{i}]", expected[i], actual[i], IsDouble ? 1e-9 : 5e-6); }
        }

        public void Close(string field, IReadOnlyList<double> expected, IReadOnlyList<double> actual)
        {
            Assert.Equal(expected.Count, actual.Count);
            for (int i = 0; i < expected.Count; i++) { Close($"{field}[{i}]", expected[i], actual[i]); }
        }
    }

    private static double[] Row(JsonElement row) => [.. row.EnumerateArray().Select(number => number.GetDouble())];

    private static double[][] Rows(JsonElement rows) => [.. rows.EnumerateArray().Select(Row)];

    private static double[] Flat(JsonElement rows) => [.. Rows(rows).SelectMany(row => row)];

    /// <summary>Outcome rewards [M][B][T] as scores [B, M]; a row with more than one token reward is none of this trainer's.</summary>
    private static double[,] Scores(string name, JsonElement tokenRewards)
    {
        double[][][] rewards = [.. tokenRewards.EnumerateArray().Select(Rows)];
        var scores = new double[rewards[0].Length, rewards.Length];
        for (int b = 0; b < scores.GetLength(0); b++)
        {
            for (int j = 0; j < rewards.Length; j++)
            {
                Assert.True(rewards[j][b].Count(reward => reward != 0) <= 1, $"{name}: row {b} has several token rewards.");
                scores[b, j] = rewards[j][b].Sum();
            }
        }

        return scores;
    }

    private static StepSignals Signals(double[,] scores, int[] groups, int[] lengths) => Objectives.Signals(scores, groups) with { Lengths = lengths };

    [Fact]
    public void The_lagrangian_follows_every_recorded_run()
    {
        foreach (var item in Case.All("lagrangian"))
        {
            string[] names = [.. item.Inputs.GetProperty("objective_names").EnumerateArray().Select(name => name.GetString()!)];
            bool grpo = item.Inputs.GetProperty("adv_estimator").GetString() == "grpo";
            var advantage = new AdvantageSpec
            {
                Estimator = grpo ? AdvantageEstimator.Grpo : AdvantageEstimator.ReinforcePlusPlus, Gamma = item.Inputs.GetProperty("gamma").GetDouble(),
                NormalizeByStd = item.Inputs.GetProperty("norm_adv_by_std_in_grpo").GetBoolean(),
            };
            var options = new LagrangianScalarizerSpec { Mode = MethodMode.Reference, Constraints = new(Row(item.Inputs.GetProperty("constraints"))), DualLearningRate = item.Inputs.GetProperty("dual_lr").GetDouble() };
            var scalarizer = ScalarizerRegistry.Create(options, [.. names.Select(name => Objectives.Of(name))]).Scalarizer;
            var state = scalarizer.Initial();
            foreach (var (step, expected) in item.Inputs.GetProperty("steps").EnumerateArray().Zip(item.Outputs.GetProperty("steps").EnumerateArray()))
            {
                double[,] scores = Scores(item.Name, step.GetProperty("token_rewards"));
                int[] lengths = [.. Rows(step.GetProperty("response_mask")).Select(row => (int)row.Sum())];
                var labels = step.GetProperty("uids").EnumerateArray().Select(uid => uid.ToString()).ToList();
                var signals = Signals(scores, [.. labels.Select(label => labels.IndexOf(label))], lengths);
                double[] weights = ((Scalarization.OfAdvantages)scalarizer.Weigh(signals, state)).Weights;
                var each = names.Select((_, j) => OutcomeEstimator.Estimate(advantage, PerObjective.Column(signals, j), lengths, signals.Groups, signals.Valid)).ToArray();
                var combined = OutcomeAdvantages.Combine(each, weights);
                var observation = scalarizer.Observe(new() { Signals = signals, TrainingSignal = combined.MeanTokenAdvantage() }, state);
                state = observation.State;

                item.Close("lambda", Row(expected.GetProperty("lambda")), weights[1..]);
                item.Close("lambda in the state", Row(expected.GetProperty("lambda")), state.Vector("lambda")[1..]);
                item.Close("constraint_loss", Row(expected.GetProperty("constraint_loss")), observation.Metrics["constraint_gap"][1..]);
                item.Close("primary_loss", expected.GetProperty("primary_loss").GetDouble(), -StepDiagnostics.Means(signals)[0]);
                item.Close("lagrangian_value", expected.GetProperty("lagrangian_value").GetDouble(), observation.Scalars["lagrangian_value"]);
                item.Close("weighted_reward", Row(expected.GetProperty("weighted_reward")), ObjectiveWeights.Combine(signals, weights));
                item.Close("uniform_reward", Row(expected.GetProperty("uniform_reward")), ObjectiveWeights.Combine(signals, [.. names.Select(_ => 1.0 / names.Length)]));
                double[][] combinedRows = Rows(expected.GetProperty("combined_advantages"));
                for (int b = 0; b < lengths.Length; b++)
                {
                    item.Close($"combined_advantages[{b}]", combinedRows[b], Tokens(combined, b, lengths[b], combinedRows[b].Length));
                    double[][] multi = Rows(expected.GetProperty("advantages_multi")[b]);
                    for (int j = 0; j < each.Length; j++) { item.Close($"advantages_multi[{b}], objective {j}", [.. multi.Select(token => token[j])], Tokens(each[j], b, lengths[b], multi.Length)); }
                }
            }
        }
    }

    private static double[] Tokens(OutcomeAdvantages advantages, int sample, int length, int width)
    {
        var row = new float[width];
        advantages.TokenAdvantages(sample, length, row);
        return [.. row.Select(value => (double)value)];
    }

    [Fact]
    public void Tchebycheff_follows_every_recorded_run()
    {
        foreach (var item in Case.All("tchebycheff"))
        {
            double[] weights = Row(item.Inputs.GetProperty("weights"));
            var point = item.Inputs.GetProperty("reference_point");
            var options = new TchebycheffScalarizerSpec
            {
                Mode = MethodMode.Reference, Ideal = point.ValueKind == JsonValueKind.Null ? null : new(Row(point)),
                ReferencePoint = item.Inputs.GetProperty("ref_mode").GetString() == "running_max" ? ReferencePoint.RunningMax : ReferencePoint.BatchMax,
            };
            var scalarizer = new TchebycheffReferenceScalarizer(options, [.. weights.Select((weight, j) => Objectives.Of($"o{j}", weight))]);
            var state = scalarizer.Initial();
            foreach (var (step, expected) in item.Inputs.GetProperty("steps").EnumerateArray().Zip(item.Outputs.GetProperty("steps").EnumerateArray()))
            {
                var tokenRewards = step.GetProperty("token_rewards");
                double[,] scores = Scores(item.Name, tokenRewards);
                int count = scores.GetLength(0);
                double[][]? mask = step.TryGetProperty("response_mask", out var recorded) ? Rows(recorded) : null;
                double[][][] rewards = [.. tokenRewards.EnumerateArray().Select(Rows)];
                int[] last = [.. Enumerable.Range(0, count).Select(b => mask is null ? Math.Max(0, rewards.Max(objective => Array.FindLastIndex(objective[b], reward => reward != 0))) : (int)mask[b].Sum() - 1)];
                var signals = Signals(scores, new int[count], [.. last.Select(index => index + 1)]);
                var weighed = (Scalarization.OfRewards)scalarizer.Weigh(signals, state);
                state = scalarizer.Observe(new() { Signals = signals, TrainingSignal = new double[count] }, state).State;

                int width = rewards[0][0].Length;
                double[] scalarized = [.. Enumerable.Range(0, count).SelectMany(b => Enumerable.Range(0, width).Select(t => t == last[b] ? weighed.Rewards[b] : weighed.EarlierTokenReward))];
                item.Close("scalarized", Flat(expected.GetProperty("scalarized")), scalarized);
                item.Close("z", Row(expected.GetProperty("z")), state.Vector("ideal"));
                if (mask is null) { continue; }
                using var scope = NewDisposeScope();
                Tensor tokens = tensor(scalarized, dtype: ScalarType.Float64).reshape(count, width);
                Tensor shape = tensor(mask.SelectMany(row => row).ToArray(), dtype: tokens.dtype).reshape(count, width);
                var (advantages, returns) = TokenLevelAdvantages.ReinforcePlusPlus(tokens, shape, 1);
                Recorded(item, expected, "rpp_returns", returns);
                Recorded(item, expected, "rpp_advantages", advantages);
                Recorded(item, expected, "grpo_advantages", TokenLevelAdvantages.GroupRelative(AdvantageEstimator.Grpo, tokens, shape, signals.Groups, normalizeByStd: true, reference: true));
            }
        }
    }

    private static void Recorded(Case item, JsonElement expected, string field, Tensor actual)
    {
        if (expected.TryGetProperty(field, out var recorded)) { item.CloseAdvantages(field, Flat(recorded), actual.data<double>().ToArray()); }
    }

    [Fact]
    public void Pama_equals_every_recorded_update_and_projection()
    {
        var kinds = new HashSet<string>();
        foreach (var item in Case.All("pama"))
        {
            string kind = item.Inputs.GetProperty("fn").GetString()!;
            kinds.Add(kind);
            if (kind == "projection_interval") { item.Close("s_star", item.Outputs.GetProperty("s_star").GetDouble(), PamaReferenceScalarizer.ProjectZero(Row(item.Inputs.GetProperty("a")))); }
            else { Update(item); }
        }

        Assert.Superset(new HashSet<string> { "update", "projection_interval" }, kinds);
    }

    /// <summary>Advantages differ from token to token here, so every response token is a completion of length 1.</summary>
    private static void Update(Case item)
    {
        double[] mask = Flat(item.Inputs.GetProperty("response_mask")), old = Flat(item.Inputs.GetProperty("old_log_prob")), reference = Flat(item.Inputs.GetProperty("ref_log_prob"));
        double[][] multi = [.. item.Inputs.GetProperty("advantages_multi").EnumerateArray().SelectMany(Rows)];
        double clip = item.Inputs.GetProperty("clip_ratio").GetDouble();
        int count = mask.Length, objectives = multi[0].Length;
        int[] lengths = [.. Enumerable.Repeat(1, count)];
        bool[] valid = [.. mask.Select(weight => weight > 0)];
        var signals = Objectives.Signals(new double[count, objectives], new int[count], valid) with
        {
            Lengths = lengths,
            ReferenceOpen = [.. old.Select((logProb, i) => Math.Exp(Math.Clamp(logProb - reference[i], -20, 20)) <= 1 + clip ? 1.0 : 0.0)],
            ObjectiveAdvantages = [.. Enumerable.Range(0, objectives).Select(j => new OutcomeAdvantages([.. multi.Select(token => token[j])], lengths, valid, 1, 0, 1))],
        };
        var scalarizer = new PamaReferenceScalarizer([.. Enumerable.Range(0, objectives).Select(j => Objectives.Of($"o{j}"))]);
        var weighed = (Scalarization.OfCompletions)scalarizer.Weigh(signals, scalarizer.Initial());
        var observation = scalarizer.Observe(new() { Signals = signals, TrainingSignal = weighed.Advantages }, scalarizer.Initial());
        double common = item.Outputs.GetProperty("s_star").GetDouble();
        Assert.True(weighed.RatioToReference);
        item.Close("objective_scalars", Row(item.Outputs.GetProperty("objective_scalars")), observation.Metrics["positive_advantage"]);
        item.Close("s_star", common, observation.Scalars["common_advantage"]);
        item.Close("advantages", [.. valid.Select(one => one ? common : 0)], weighed.Advantages);

        using var scope = NewDisposeScope();
        double[][] rows = Rows(item.Inputs.GetProperty("response_mask"));
        var type = item.IsDouble ? ScalarType.Float64 : ScalarType.Float32;
        Tensor Batch(double[] values) => tensor(values, dtype: type).reshape(rows.Length, rows[0].Length);
        Tensor logProb = Batch(Flat(item.Inputs.GetProperty("log_prob"))).requires_grad_(true);
        var loss = PolicyLoss.Compute(new LossTokens(logProb, Batch(reference), Batch(weighed.Advantages), Batch(TokenWeights(rows, item.Inputs.GetProperty("loss_agg_mode").GetString()!))), new LossSpec
        {
            ClipLow = item.Inputs.GetProperty("clip_ratio_low").GetDouble(), ClipHigh = item.Inputs.GetProperty("clip_ratio_high").GetDouble(), DualClip = 0,
        }).Loss;
        loss.backward();
        item.Close("pg_loss", item.Outputs.GetProperty("pg_loss").GetDouble(), loss.to(ScalarType.Float64).item<double>());
        item.Close("grad_log_prob", Flat(item.Outputs.GetProperty("grad_log_prob")), logProb.grad!.to(ScalarType.Float64).data<double>().ToArray());
    }

    private static double[] TokenWeights(double[][] mask, string aggregation)
    {
        double tokens = mask.Sum(row => row.Sum());
        return [.. mask.SelectMany(row => row.Select(inside => inside * aggregation switch
        {
            "token-mean" => 1 / tokens,
            "seq-mean-token-sum" => 1.0 / mask.Length,
            "seq-mean-token-mean" => 1 / (mask.Length * row.Sum()),
            "seq-mean-token-sum-norm" => 1.0 / row.Length,
            _ => throw new NotSupportedException($"no test for the aggregation {aggregation}."),
        }))];
    }
}
