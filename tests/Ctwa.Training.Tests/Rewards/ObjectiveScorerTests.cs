using System.Text.Json;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Rewards;

public sealed class ObjectiveScorerTests
{
    private static readonly ScoredCompletion[] Batch = [new("p", "0", 1, ""), new("p", "1", 1, ""), new("p", "2", 1, "")];

    private static ObjectiveSpec Objective(FailurePolicy policy, int retries = 2, double substitute = 0.25) =>
        new() { Name = "quality", Reward = new ClarityRewardSpec(), OnFailure = policy, Retries = retries, SubstituteScore = substitute };

    private sealed class Scripted(Func<int, double> score) : IReward
    {
        public int Calls { get; private set; }

        public double Score(in ScoredCompletion completion, in RewardContext context)
        {
            Calls++;
            return score(int.Parse(completion.Response, System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    [Theory]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.PositiveInfinity, "Infinity")]
    [InlineData(double.NegativeInfinity, "-Infinity")]
    public void A_score_that_is_not_finite_stops_the_job_naming_objective_sample_and_reason(double bad, string shown)
    {
        var error = Assert.Throws<RewardFailureException>(() => new ObjectiveScorer(Objective(FailurePolicy.Fail), new Scripted(sample => sample == 1 ? bad : 1)).Score(Batch, new(0)));
        Assert.Equal(("quality", 1), (error.Objective, error.Sample));
        Assert.Contains($"the score is {shown}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_exception_is_a_failure_with_its_message_as_reason()
    {
        var error = Assert.Throws<RewardFailureException>(() => new ObjectiveScorer(Objective(FailurePolicy.Fail), new Scripted(sample => sample == 2 ? throw new InvalidOperationException("grader is away") : 1)).Score(Batch, new(0)));
        Assert.Contains("sample 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("InvalidOperationException: grader is away", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failing_sample_is_dropped_and_counted_and_its_neighbours_keep_their_scores()
    {
        var reward = new Scripted(sample => sample == 1 ? double.NaN : 1 + sample);
        var scores = new ObjectiveScorer(Objective(FailurePolicy.DropSample), reward).Score(Batch, new(0));
        Assert.Equal([1, 0, 3], scores.Scores);
        Assert.Equal([true, false, true], scores.Valid);
        Assert.Equal([false, true, false], scores.Failed);
        Assert.Equal((1, 1, 2, 5), (scores.FailedCount, scores.DroppedCount, scores.Retries, reward.Calls));
        Assert.Equal("the score is NaN, not a finite number", scores.FirstFailure);
    }

    [Fact]
    public void A_substitute_stands_in_and_is_still_counted_as_failed()
    {
        var scores = new ObjectiveScorer(Objective(FailurePolicy.Substitute), new Scripted(sample => sample == 0 ? double.NaN : 1)).Score(Batch, new(0));
        Assert.Equal([0.25, 1, 1], scores.Scores);
        Assert.Equal([true, true, true], scores.Valid);
        Assert.Equal(1, scores.FailedCount);
    }

    [Fact]
    public void A_score_that_comes_on_a_retry_is_no_failure()
    {
        int calls = 0;
        var scores = new ObjectiveScorer(Objective(FailurePolicy.Fail), new Scripted(sample => sample == 0 && calls++ < 2 ? throw new TimeoutException() : 1)).Score(Batch, new(0));
        Assert.Equal((0, 2), (scores.FailedCount, scores.Retries));
    }

    [Fact]
    public void Without_retries_a_failing_reward_is_called_once()
    {
        var reward = new Scripted(_ => double.NaN);
        new ObjectiveScorer(Objective(FailurePolicy.DropSample, retries: 0), reward).Score(Batch, new(0));
        Assert.Equal(3, reward.Calls);
    }

    [Fact]
    public void A_sample_that_one_objective_drops_keeps_the_scores_of_the_others()
    {
        var good = new ObjectiveScorer(Objective(FailurePolicy.Fail), new Scripted(sample => sample)).Score(Batch, new(0));
        var bad = new ObjectiveScorer(Objective(FailurePolicy.DropSample), new Scripted(sample => sample == 0 ? double.NaN : 5)).Score(Batch, new(0));
        var (scores, valid) = ObjectiveScores.Join([good, bad]);
        Assert.Equal([false, true, true], valid);
        Assert.Equal(new double[,] { { 0, 0 }, { 1, 5 }, { 2, 5 } }, scores);
    }

    [Fact]
    public void A_hand_made_attempt_cannot_smuggle_in_a_nan() =>
        Assert.Throws<RewardFailureException>(() => ObjectiveScores.Resolve(Objective(FailurePolicy.Fail), [new(double.NaN, null, 0)]));

    [Fact]
    public void Columns_of_different_length_are_refused() =>
        Assert.Throws<ArgumentException>(() => ObjectiveScores.Join([ObjectiveScores.Resolve(Objective(FailurePolicy.Fail), [ScoreAttempt.Of(1)]), ObjectiveScores.Resolve(Objective(FailurePolicy.Fail), [])]));

    [Fact]
    public void A_substitute_must_be_finite() =>
        Assert.Throws<ArgumentException>(() => ObjectiveScores.Resolve(Objective(FailurePolicy.Substitute, substitute: double.NaN), []));

    [Fact]
    public void A_record_of_scores_survives_json()
    {
        var scores = new ObjectiveScorer(Objective(FailurePolicy.DropSample), new Scripted(sample => sample == 1 ? double.NaN : 1.0 / 3)).Score(Batch, new(0));
        var again = JsonSerializer.Deserialize<ObjectiveScores>(JsonSerializer.Serialize(scores))!;
        Assert.Equal(scores.Scores, again.Scores);
        Assert.Equal(scores.Valid, again.Valid);
        Assert.Equal(scores.FirstFailure, again.FirstFailure);
    }

    [Fact]
    public void Corrected_conciseness_without_a_length_to_compare_with_is_a_failure()
    {
        var reward = RewardRegistry.Create(new ConcisenessRewardSpec());
        Assert.Throws<RewardFailureException>(() => new ObjectiveScorer(Objective(FailurePolicy.Fail), reward).Score(Batch, new(double.NaN)));
    }

    [Fact]
    public void Reference_rewards_are_warned_about()
    {
        var warned = Assert.Single(RewardRegistry.Warnings([Objective(FailurePolicy.Fail), Objective(FailurePolicy.Fail) with { Name = "old", Reward = new ClarityRewardSpec { Mode = MethodMode.Reference } }]));
        Assert.Contains("'old'", warned, StringComparison.Ordinal);
    }
}
