using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Rewards;

/// <summary>Reference mode equals the reference implementation's recorded outputs, case by case and exactly.</summary>
[Trait("Category", GoldenFolder.Category)]
public sealed class RewardGoldenTests
{
    private static readonly RewardContext NoContext = new(double.NaN);

    [Fact]
    public void Every_recorded_response_gets_the_reference_scores()
    {
        var cases = OfKind("response");
        var math = new MathBoxedReward(MethodMode.Reference);
        var clarity = new ClarityReward(MethodMode.Reference);
        var conciseness = new ConcisenessReward(MethodMode.Reference);
        var differences = new List<string>();
        foreach (var item in cases)
        {
            string name = item.GetProperty("name").GetString()!;
            var inputs = item.GetProperty("inputs");
            var outputs = item.GetProperty("outputs");
            var extra = inputs.GetProperty("extra_info");
            string solution = inputs.GetProperty("solution").GetString()!;
            int length = extra.TryGetProperty("response_length", out var tokens) ? tokens.GetInt32() : 1;
            var context = extra.TryGetProperty("global_avg_length", out var mean) ? new RewardContext(mean.GetDouble()) : NoContext;
            var completion = new ScoredCompletion("", solution, length, inputs.GetProperty("ground_truth").GetString()!);
            var text = PythonText.CodePoints(solution);

            Compare("math_score", math.Score(completion, context));
            Compare("accuracy", math.Score(completion, context));
            Compare("clarity", clarity.Score(completion, context));
            Compare("conciseness", conciseness.Score(completion, context));
            Compare("enumerator_count", ReferenceStepMarkers.CountEnumerators(text));
            Compare("ordinal_count", ReferenceStepMarkers.CountOrdinals(text));
            Check("last_boxed", ReferenceMathAnswer.LastBoxed(solution) == outputs.GetProperty("last_boxed").GetString());
            Check("has_nonempty_box", ReferenceStepMarkers.HasNonEmptyBox(text) == outputs.GetProperty("has_nonempty_box").GetBoolean());
            Check("step_by_step", ReferenceStepMarkers.IsStepByStep(text) == outputs.GetProperty("step_by_step").GetBoolean());

            void Compare(string field, double actual) => Check($"{field} (got {actual})", actual == outputs.GetProperty(field.Split(' ')[0]).GetDouble());
            void Check(string field, bool equal)
            {
                if (!equal) { differences.Add($"{name}: {field} {outputs}"); }
            }
        }

        Assert.Empty(differences);
    }

    [Fact]
    public void Normalisation_equals_the_reference_where_it_raises_too() => AssertAll("strip_string", (inputs, outputs) =>
    {
        var expected = outputs.GetProperty("stripped");
        return ReferenceMathAnswer.Normalize(inputs.GetProperty("s").GetString()!) == (expected.ValueKind == JsonValueKind.String ? expected.GetString() : null);
    });

    [Fact]
    public void Equivalence_equals_the_reference() => AssertAll("is_equiv", (inputs, outputs) =>
        ReferenceMathAnswer.AreEquivalent(inputs.GetProperty("a").GetString(), inputs.GetProperty("b").GetString()) == outputs.GetProperty("equivalent").GetBoolean());

    [Fact]
    public void Unboxing_equals_the_reference_where_it_raises_too() => AssertAll("remove_boxed", (inputs, outputs) =>
    {
        var expected = outputs.GetProperty("answer");
        return ReferenceMathAnswer.RemoveBoxed(inputs.GetProperty("s").GetString()!) == (expected.ValueKind == JsonValueKind.String ? expected.GetString() : null);
    });

    [Fact]
    public void The_running_mean_equals_the_reference_bit_by_bit() => AssertAll("running_mean", (inputs, outputs) =>
    {
        var statistics = new ResponseLengthStatistics { Mode = MethodMode.Reference };
        bool equal = true;
        foreach (var (batch, after) in inputs.GetProperty("batches").EnumerateArray().Zip(outputs.GetProperty("after_each").EnumerateArray()))
        {
            int[] lengths = [.. batch.EnumerateArray().Select(length => (int)length.GetDouble())];
            equal &= statistics.ThresholdFor(lengths) == after.GetDouble();
            statistics = statistics.Next(lengths);
            equal &= statistics.ValidationThresholdFor(lengths, firstMean: null) == after.GetDouble();
        }

        return equal;
    });

    [Fact]
    public void The_reward_manager_gives_the_recorded_scores_and_thresholds()
    {
        foreach (var item in GoldenFolder.ReferenceCases("reward_manager"))
        {
            var statistics = new ResponseLengthStatistics { Mode = MethodMode.Reference };
            foreach (var (step, expected) in item.GetProperty("inputs").GetProperty("steps").EnumerateArray().Zip(item.GetProperty("outputs").GetProperty("steps").EnumerateArray()))
            {
                var truths = step.GetProperty("ground_truths").EnumerateArray().Select(truth => truth.GetString()!);
                // One token per character, as the fixtures were recorded.
                ScoredCompletion[] batch = [.. step.GetProperty("responses").EnumerateArray().Zip(truths, (response, truth) => new ScoredCompletion("", response.GetString()!, PythonText.CodePoints(response.GetString()!).Length, truth))];
                int[] lengths = [.. batch.Select(completion => completion.ResponseTokens)];

                var before = expected.GetProperty("threshold_before_step");
                double stale = statistics.ValidationThresholdFor(lengths, firstMean: null);
                Assert.Equal(before.ValueKind == JsonValueKind.Null ? double.NaN : before.GetDouble(), stale);
                double threshold = statistics.ThresholdFor(lengths);
                Assert.Equal(expected.GetProperty("threshold_used").GetDouble(), threshold);
                foreach (var (name, spec) in new (string, RewardSpec)[]
                {
                    ("accuracy", new MathBoxedRewardSpec { Mode = MethodMode.Reference }),
                    ("conciseness", new ConcisenessRewardSpec { Mode = MethodMode.Reference }),
                    ("clarity", new ClarityRewardSpec { Mode = MethodMode.Reference }),
                })
                {
                    var scorer = new ObjectiveScorer(new ObjectiveSpec { Name = name, Reward = spec }, RewardRegistry.Create(spec));
                    Assert.Equal(expected.GetProperty("scores").GetProperty(name).EnumerateArray().Select(score => score.GetDouble()), scorer.Score(batch, new(threshold)).Scores);
                }

                // The reward sits on the response's last token: its position says that lengths are counted alike.
                Assert.Equal(expected.GetProperty("reward_position").EnumerateArray().Select(position => position.GetInt32() + 1), lengths);
                statistics = statistics.Next(lengths);
            }
        }
    }

    private static List<JsonElement> OfKind(string function)
    {
        var cases = GoldenFolder.ReferenceCases("rewards_text").Where(item => item.GetProperty("inputs").GetProperty("fn").GetString() == function).ToList();
        Assert.True(cases.Count > 0, $"rewards_text.json holds no case of {function}.");
        return cases;
    }

    private static void AssertAll(string function, Func<JsonElement, JsonElement, bool> holds) =>
        Assert.Empty(OfKind(function).Where(item => !holds(item.GetProperty("inputs"), item.GetProperty("outputs"))).Select(item => item.GetRawText()));
}
