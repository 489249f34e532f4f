using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Evaluation;
using Ctwa.Training.Tests.Numerics;
using Xunit;

namespace Ctwa.Training.Tests.Evaluation;

public sealed class ValidationMetricsTests
{
    // The recorded estimates come of 1,000 draws of another generator.
    private const double DrawTolerance = 0.06;

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void Every_validation_metric_equals_the_reference()
    {
        var seen = new HashSet<string>();
        foreach (var one in GoldenFolder.ReferenceCases("validation_metrics"))
        {
            var inputs = one.GetProperty("inputs");
            var outputs = one.GetProperty("outputs");
            string name = one.GetProperty("name").GetString()!, function = inputs.GetProperty("fn").GetString()!;
            seen.Add(function);
            switch (function)
            {
                case "calc_maj_val": Majority(name, inputs, outputs); break;
                case "bootstrap_metric": Bootstrap(name, inputs, outputs); break;
                case "process_validation_metrics": Process(name, inputs, outputs); break;
                case "rankdata_average": Assert.Equal(Numbers(outputs.GetProperty("ranks")), Correlation.Ranks(Numbers(inputs.GetProperty("x")))); break;
                case "correlation":
                    double[] x = Numbers(inputs.GetProperty("x")), y = Numbers(inputs.GetProperty("y"));
                    Close(GoldenTensor.Number(outputs.GetProperty("pearson")), Correlation.Pearson(x, y), $"{name} pearson");
                    Close(GoldenTensor.Number(outputs.GetProperty("spearman")), Correlation.Spearman(x, y), $"{name} spearman");
                    break;
                case "alignment": Alignment(name, inputs, outputs); break;
                default: Assert.Fail($"{name}: no test for {function}."); break;
            }
        }

        Assert.Superset(new HashSet<string> { "calc_maj_val", "bootstrap_metric", "process_validation_metrics", "rankdata_average", "correlation", "alignment" }, seen);
    }

    [Fact]
    public void The_majority_is_a_function_of_the_seed()
    {
        string[] votes = ["a", "b", "b", "c"];
        double[] values = [1, 0, 0.5, 0.25];
        var first = ValidationMetrics.MajorityOf(votes, values, 4, seed: 1, prompt: 3);
        Assert.Equal(first, ValidationMetrics.MajorityOf(votes, values, 4, seed: 1, prompt: 3));
        Assert.NotEqual(first, ValidationMetrics.MajorityOf(votes, values, 4, seed: 2, prompt: 3));
        Assert.NotEqual(first, ValidationMetrics.MajorityOf(votes, values, 4, seed: 1, prompt: 4));
    }

    private static void Majority(string name, JsonElement inputs, JsonElement outputs)
    {
        var data = inputs.GetProperty("data").EnumerateArray().ToArray();
        double actual = ValidationMetrics.Majority([.. data.Select(d => d.GetProperty("pred").GetString()!)], [.. data.Select(d => d.GetProperty("val").GetDouble())]);
        Assert.True(outputs.GetProperty("value").GetDouble() == actual, name);
    }

    private static void Bootstrap(string name, JsonElement inputs, JsonElement outputs)
    {
        double[] data = Numbers(inputs.GetProperty("data"));
        int k = inputs.GetProperty("subset_size").GetInt32();
        var exact = outputs.GetProperty("exact");
        MetricMoments best = ValidationMetrics.Best(data, k), worst = ValidationMetrics.Worst(data, k);
        Close(exact.GetProperty("best_mean").GetDouble(), best.Mean, $"{name} best");
        Close(exact.GetProperty("best_std").GetDouble(), best.Deviation, $"{name} best deviation");
        Close(exact.GetProperty("worst_mean").GetDouble(), worst.Mean, $"{name} worst");
        Close(exact.GetProperty("worst_std").GetDouble(), worst.Deviation, $"{name} worst deviation");
        if (inputs.GetProperty("indices").ValueKind == JsonValueKind.Null) { return; }
        int[][] indices = [.. inputs.GetProperty("indices").EnumerateArray().Select(draw => draw.EnumerateArray().Select(i => i.GetInt32()).ToArray())];
        foreach (var (key, statistic) in ((string, Func<int[], double>)[])[("best", draw => draw.Max(i => data[i])), ("worst", draw => draw.Min(i => data[i]))])
        {
            var replayed = ValidationMetrics.Replay(data.Length, statistic, indices);
            Close(outputs.GetProperty($"{key}_mean").GetDouble(), replayed.Mean, $"{name} replayed {key}");
            Close(outputs.GetProperty($"{key}_std").GetDouble(), replayed.Deviation, $"{name} replayed {key} deviation");
        }
    }

    private static void Process(string name, JsonElement inputs, JsonElement outputs)
    {
        string[] Texts(string key) => [.. inputs.GetProperty(key).EnumerateArray().Select(text => text.ToString())];
        string[] sources = Texts("data_sources"), prompts = Texts("sample_uids");
        var infos = inputs.GetProperty("infos");
        string[]? votes = infos.TryGetProperty("pred", out var predictions) ? [.. predictions.EnumerateArray().Select(p => p.GetString()!)] : null;
        foreach (var source in outputs.GetProperty("deterministic").EnumerateObject())
        {
            foreach (var variable in source.Value.EnumerateObject())
            {
                double[] values = Numbers(infos.GetProperty(variable.Name));
                var metrics = ValidationMetrics.OverPrompts(Enumerable.Range(0, sources.Length).Where(i => sources[i] == source.Name).GroupBy(i => prompts[i])
                    .Select((group, index) => ValidationMetrics.OfPrompt([.. group.Select(i => values[i])], votes is null ? null : [.. group.Select(i => votes[i])], seed: 42, index)));
                string what = $"{name} {source.Name} {variable.Name}";
                foreach (var metric in variable.Value.EnumerateObject()) { Close(metric.Value.GetDouble(), metrics[metric.Name], $"{what} {metric.Name}"); }
                foreach (var metric in outputs.GetProperty("bootstrap_numpy_seed42").GetProperty(source.Name).GetProperty(variable.Name).EnumerateObject())
                {
                    GoldenTensor.AssertClose(metric.Value.GetDouble(), metrics[metric.Name], DrawTolerance, 0, $"{what} {metric.Name}");
                }

                if (!outputs.GetProperty("exact_expectation").TryGetProperty(source.Name, out var exact) || !exact.TryGetProperty(variable.Name, out var expected)) { continue; }
                foreach (var metric in expected.EnumerateObject()) { Close(metric.Value.GetDouble(), metrics[metric.Name], $"{what} exact {metric.Name}"); }
            }
        }
    }

    private static void Alignment(string name, JsonElement inputs, JsonElement outputs)
    {
        var objectives = inputs.GetProperty("per_objective_score").EnumerateObject().Select(one => (one.Name, (IReadOnlyList<double>)Numbers(one.Value))).ToArray();
        var metrics = ScalarAlignment.Compute([.. inputs.GetProperty("uids").EnumerateArray().Select(uid => uid.ToString())], Numbers(inputs.GetProperty("scalar_s")), objectives, Numbers(inputs.GetProperty("top_qs")));
        var expected = outputs.GetProperty("metrics");
        Assert.Equal(expected.EnumerateObject().Select(metric => metric.Name).Order(), metrics.Keys.Order());
        foreach (var metric in expected.EnumerateObject()) { Close(GoldenTensor.Number(metric.Value), metrics[metric.Name], $"{name} {metric.Name}"); }
    }

    private static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(GoldenTensor.Number)];

    private static void Close(double expected, double actual, string what) => GoldenTensor.AssertClose(expected, actual, 1e-12, 1e-12, what);
}
