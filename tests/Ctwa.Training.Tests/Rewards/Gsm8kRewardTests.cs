using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Rewards;

public sealed class Gsm8kRewardTests
{
    private static double Score(string response, string truth, AnswerMethod method = AnswerMethod.Strict) =>
        new Gsm8kReward(new Gsm8kRewardSpec { Method = method, FormatScore = 0.25 }).Score(new ScoredCompletion("", response, 1, truth), default);

    [Fact, Trait("Category", GoldenFolder.Category)]
    public void Reference_mode_equals_every_recorded_case()
    {
        var differences = new List<string>();
        int cases = 0;
        foreach (var item in GoldenFolder.ReferenceCases("rewards_text").Where(item => item.GetProperty("inputs").GetProperty("fn").GetString() == "response"))
        {
            string solution = item.GetProperty("inputs").GetProperty("solution").GetString()!, truth = item.GetProperty("inputs").GetProperty("ground_truth").GetString()!;
            var outputs = item.GetProperty("outputs");
            cases++;
            foreach (var (method, field, score, format) in ((AnswerMethod, string, string, double)[])[(AnswerMethod.Strict, "gsm8k_strict", "gsm8k_score", 0), (AnswerMethod.Flexible, "gsm8k_flexible", "gsm8k_score_flexible", 0.25)])
            {
                var spec = new Gsm8kRewardSpec { Mode = MethodMode.Reference, Method = method, FormatScore = format };
                string? expected = outputs.GetProperty(field).ValueKind == JsonValueKind.Null ? null : outputs.GetProperty(field).GetString();
                if (ReferenceGsm8kAnswer.Extract(solution, method) != expected || new Gsm8kReward(spec).Score(new ScoredCompletion("", solution, 1, truth), default) != outputs.GetProperty(score).GetDouble())
                {
                    differences.Add($"{item.GetProperty("name")}: {field} {outputs}");
                }
            }
        }

        Assert.Empty(differences);
        Assert.True(cases > 400, $"{cases} cases");
    }

    [Theory]
    [InlineData("so\n#### 1,030", "1030", 1)]
    [InlineData("#### 5.", "5", 1)]
    [InlineData("#### $5", "5.00", 1)]
    [InlineData("####42", "42", 1)]
    [InlineData("#### -0.5", "-1/2", 1)]
    [InlineData("#### 5 then #### 6", "6", 1)]
    [InlineData("#### 7", "Janet has 3 + 4 = 7.\n#### 7", 1)]
    [InlineData("#### 8", "7", 0.25)]
    [InlineData("#### .", ".", 0)]
    [InlineData("#### ,", "", 0)]
    [InlineData("the answer is 7", "7", 0)]
    [InlineData("", "", 0)]
    public void Strict_reads_the_number_after_the_last_mark_and_compares_exactly(string response, string truth, double expected) => Assert.Equal(expected, Score(response, truth));

    [Theory]
    [InlineData("first 3, then 1,234.50.", "1234.5", 1)]
    [InlineData("it is 7 or 8", "7", 0.25)]
    [InlineData("no number, only ... and ,,,", "7", 0)]
    public void Flexible_reads_the_last_number(string response, string truth, double expected) => Assert.Equal(expected, Score(response, truth, AnswerMethod.Flexible));

    [Fact]
    public void A_mark_beyond_the_references_300_characters_counts() => Assert.Equal(1, Score("#### 9" + new string(' ', 5000) + "done", "9"));

    [Fact]
    public void Hostile_texts_take_linear_time()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        _ = Score("####" + new string(' ', 300_000), "9");
        _ = Score(new string('.', 300_000), "9", AnswerMethod.Flexible);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"{clock.Elapsed}");
    }
}
