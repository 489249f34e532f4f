using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

/// <summary>Reference mode equals the reference implementation's recorded numbers within the fixtures' tolerances.</summary>
[Trait("Category", GoldenFolder.Category)]
public sealed class ScalarizerGoldenTests
{
    [Fact]
    public void Ctwa_statistics_equal_every_recorded_case()
    {
        foreach (var item in GoldenFolder.ReferenceCases("ctwa_stats"))
        {
            string name = item.GetProperty("name").GetString()!;
            var (inputs, outputs) = (item.GetProperty("inputs"), item.GetProperty("outputs"));
            var (absolute, relative) = item.TryGetProperty("dtype", out var dtype) && dtype.GetString() == "float64" ? (1e-10, 1e-9) : (2e-6, 5e-6);
            double[][] oldLogProbs = Rows(inputs.GetProperty("old_log_prob")), newLogProbs = Rows(inputs.GetProperty("log_prob_new"));
            double[][] advantages = Rows(inputs.GetProperty("advantages")), mask = Rows(inputs.GetProperty("response_mask"));
            var aggregation = inputs.GetProperty("w_agg").GetString() switch
            {
                "mean" => WeightAggregation.Mean,
                "mean_unclipped" => WeightAggregation.MeanUnclipped,
                _ => WeightAggregation.Sum,
            };
            double low = inputs.GetProperty("cliprange_low").GetDouble(), high = inputs.GetProperty("cliprange_high").GetDouble();
            var signal = new double[mask.Length];
            int unclipped = 0;
            for (int b = 0; b < mask.Length; b++)
            {
                signal[b] = ClippedAdvantageWeight.Of<double>(oldLogProbs[b], newLogProbs[b], advantages[b], mask[b], low, high, aggregation, out int open);
                unclipped += open;
            }

            var labels = inputs.GetProperty("uids").EnumerateArray().Select(uid => uid.ToString()).ToList();
            int[] groups = [.. labels.Select(label => labels.IndexOf(label))];
            var statistics = ReferencePromptStatistics.Compute(Matrix(inputs.GetProperty("per_objective_scores")), signal, groups, inputs.GetProperty("global_metrics").GetBoolean());

            AssertClose(name, "w_mean", outputs.GetProperty("w_mean").GetDouble(), statistics.SignalMean, absolute, relative);
            AssertClose(name, "w_std", outputs.GetProperty("w_std").GetDouble(), statistics.SignalDeviation, absolute, relative);
            AssertClose(name, "unclip_frac", outputs.GetProperty("unclip_frac").GetDouble(), unclipped / Math.Max(1, mask.Sum(row => row.Sum())), absolute, relative);
            Assert.Equal(outputs.GetProperty("n_groups").GetDouble(), statistics.Groups);
            Assert.Equal(outputs.GetProperty("n_total").ValueKind == JsonValueKind.Null ? null : outputs.GetProperty("n_total").GetDouble(), (double?)statistics.Samples);
            AssertClose(name, "cov_mean", Row(outputs.GetProperty("cov_mean")), statistics.Covariance, absolute, relative);
            AssertClose(name, "corr_mean", Row(outputs.GetProperty("corr_mean")), statistics.Correlation, absolute, relative);
        }
    }

    [Fact]
    public void The_ctwa_controller_follows_every_recorded_trajectory()
    {
        foreach (var item in GoldenFolder.ReferenceCases("ctwa_controller"))
        {
            string name = item.GetProperty("name").GetString()!;
            var (inputs, outputs) = (item.GetProperty("inputs"), item.GetProperty("outputs"));
            double[] weights = Row(inputs.GetProperty("initial_weights"));
            bool gated = inputs.GetProperty("gate_by_obj_targets").GetBoolean() && inputs.GetProperty("obj_targets").ValueKind != JsonValueKind.Null;
            var spec = new CtwaScalarizerSpec
            {
                Mode = MethodMode.Reference,
                Targets = new(Row(inputs.GetProperty("cov_targets"))),
                LearningRate = inputs.GetProperty("lambda_lr").GetDouble(),
                EmaRate = inputs.GetProperty("ema_tau").GetDouble(),
                UseCorrelation = inputs.GetProperty("use_corr_target").GetBoolean(),
                ObjectiveTargets = gated ? new(Row(inputs.GetProperty("obj_targets"))) : null,
            };
            var scalarizer = new CtwaReferenceScalarizer(spec, [.. inputs.GetProperty("objective_names").EnumerateArray().Select((objective, j) => Objectives.Of(objective.GetString()!, weights[j]))]);
            var steps = inputs.GetProperty("steps").EnumerateArray().ToList();
            if (inputs.TryGetProperty("repeat_single_step", out var repeat)) { steps = [.. Enumerable.Repeat(steps[0], repeat.GetInt32())]; }
            List<int> recorded = outputs.TryGetProperty("at_step", out var at) ? [.. at.EnumerateArray().Select(step => step.GetInt32())] : [.. Enumerable.Range(1, steps.Count)];
            double relative = steps.Count > 100 ? 1e-3 : 1e-5;
            var state = scalarizer.Initial();
            for (int step = 1; step <= steps.Count; step++)
            {
                var now = steps[step - 1];
                (state, double[] deficit) = scalarizer.Update(state, Row(now.GetProperty(spec.UseCorrelation ? "corr_mean" : "cov_mean")), Row(now.GetProperty("objective_mean")));
                int row = recorded.IndexOf(step);
                if (row < 0) { continue; }
                var expected = outputs.GetProperty("steps")[row];
                double[] actual = CtwaReferenceScalarizer.Weights(state);
                AssertClose(name, $"ema, step {step}", Row(expected.GetProperty("ema")), state.Vector("ema"), 1e-6, relative);
                AssertClose(name, $"deficit, step {step}", Row(expected.GetProperty("deficit")), deficit, 1e-6, relative);
                AssertClose(name, $"log_weights, step {step}", Row(expected.GetProperty("log_weights")), state.Vector("log_weights"), 1e-6, relative);
                AssertClose(name, $"weights, step {step}", Row(expected.GetProperty("weights")), actual, 1e-6, relative);
                AssertClose(name, $"weight_sum, step {step}", expected.GetProperty("weight_sum").GetDouble(), actual.Sum(), 1e-6, relative);
            }
        }
    }

    [Fact]
    public void Linear_aggregation_gradient_diagnostics_and_weight_checks_equal_every_recorded_case()
    {
        var kinds = new HashSet<string>();
        foreach (var item in GoldenFolder.ReferenceCases("linear"))
        {
            string name = item.GetProperty("name").GetString()!, kind = item.GetProperty("inputs").GetProperty("fn").GetString()!;
            var (inputs, outputs) = (item.GetProperty("inputs"), item.GetProperty("outputs"));
            kinds.Add(kind);
            switch (kind)
            {
                case "aggregate":
                    double[] weights = Row(inputs.GetProperty("weights"));
                    AssertClose(name, "weighted", [.. Rows(outputs.GetProperty("weighted")).SelectMany(row => row)], Aggregate(inputs, weights), 2e-6, 1e-5);
                    AssertClose(name, "uniform", [.. Rows(outputs.GetProperty("uniform")).SelectMany(row => row)], Aggregate(inputs, [.. weights.Select(_ => 1.0 / weights.Length)]), 2e-6, 1e-5);
                    break;
                case "gradient_diagnostics":
                    double[,] gradients = Matrix(inputs.GetProperty("grad_mat")), gram = GradientDiagnostics.Products(gradients, gradients);
                    AssertClose(name, "cosine", Flat(Matrix(outputs.GetProperty("cosine"))), Flat(GradientDiagnostics.Cosines(gram)), 2e-6, 1e-5);
                    AssertClose(name, "magnitude", Row(outputs.GetProperty("magnitude")), GradientDiagnostics.Magnitudes(gram), 2e-6, 1e-5);
                    AssertClose(name, "curvature", Flat(Matrix(outputs.GetProperty("curvature"))), Flat(GradientDiagnostics.Products(gradients, Matrix(inputs.GetProperty("hvp_mat")))), 2e-6, 1e-5);
                    break;
                default:
                    double[] checkedWeights = Row(inputs.GetProperty("weights"));
                    Assert.Equal(outputs.GetProperty("accepted").GetBoolean(), ObjectiveWeights.ReferenceAccepts(checkedWeights));
                    Assert.Equal(outputs.GetProperty("sum").GetDouble(), checkedWeights.Aggregate(0.0, (sum, weight) => sum + weight));
                    break;
            }
        }

        Assert.Superset(new HashSet<string> { "aggregate", "gradient_diagnostics", "weight_check" }, kinds);
    }

    /// <summary>Every token position as one sample.</summary>
    private static double[] Aggregate(JsonElement inputs, double[] weights)
    {
        double[][] perObjective = [.. inputs.GetProperty("token_rewards").EnumerateArray().Select(objective => Flat(Matrix(objective)))];
        var scores = new double[perObjective[0].Length, weights.Length];
        for (int b = 0; b < scores.GetLength(0); b++)
        {
            for (int j = 0; j < weights.Length; j++) { scores[b, j] = perObjective[j][b]; }
        }

        var scalarizer = new LinearScalarizer([.. weights.Select((_, j) => $"o{j}")], weights);
        return ((Scalarization.OfRewards)scalarizer.Weigh(Objectives.Signals(scores, new int[scores.GetLength(0)]), scalarizer.Initial())).Rewards;
    }

    private static void AssertClose(string name, string field, double[] expected, double[] actual, double absolute, double relative)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) { AssertClose(name, $"{field}[{i}]", expected[i], actual[i], absolute, relative); }
    }

    private static void AssertClose(string name, string field, double expected, double actual, double absolute, double relative) =>
        Assert.True(Math.Abs(expected - actual) <= absolute + (relative * Math.Abs(expected)), $"{name}: {field} is {actual:R}, recorded {expected:R}.");

    private static double[] Row(JsonElement row) => [.. row.EnumerateArray().Select(number => number.GetDouble())];

    private static double[][] Rows(JsonElement rows) => [.. rows.EnumerateArray().Select(Row)];

    private static double[,] Matrix(JsonElement rows)
    {
        double[][] jagged = Rows(rows);
        var matrix = new double[jagged.Length, jagged[0].Length];
        for (int i = 0; i < jagged.Length; i++)
        {
            for (int j = 0; j < jagged[i].Length; j++) { matrix[i, j] = jagged[i][j]; }
        }

        return matrix;
    }

    private static double[] Flat(double[,] matrix) => [.. matrix.Cast<double>()];
}
