using Ctwa.Training.Diagnostics;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Diagnostics;

public sealed class RealisedImprovementTests
{
    private static StepSignals Signals(double[,] scores, int[] groups, bool[]? valid = null) => new()
    {
        Step = 1,
        Scores = scores,
        Groups = groups,
        Lengths = [.. groups.Select(_ => 4)],
        Valid = valid ?? [.. groups.Select(_ => true)],
    };

    private static PostUpdateMeasurement Ratio(double ratio, double clipped = 0, double unclipped = 0, int active = 4) => new(clipped, unclipped, Math.Log(ratio), active);

    // One prompt with four equally likely answers, each sampled once: then the sum over samples is the expectation.
    [Fact]
    public void It_is_the_exact_change_of_the_mean_score_where_every_answer_was_sampled_in_proportion()
    {
        double[] after = [0.4, 0.3, 0.2, 0.1];
        double[,] scores = { { 1, 0 }, { 0, 1 }, { 1, 1 }, { 0, 0 } };
        var realised = RealisedImprovement.Compute(Signals(scores, [0, 0, 0, 0]), [.. after.Select(p => Ratio(p / 0.25))], [0.5, 0.5]);
        Assert.Equal(0.4 + 0.2 - 0.5, realised.Change[0], 12);
        Assert.Equal(0.3 + 0.2 - 0.5, realised.Change[1], 12);
        Assert.Equal(0.05, realised.Signal, 12);
    }

    // Tabular softmax of the design notes: r1 = (1,1,0,0), r2 = (1,0,1,1). Its covariance with the mean is positive, yet
    // the step of a logit policy gradient lowers r1: realised sees what the covariance law cannot.
    [Fact]
    public void A_step_in_parameters_may_realise_the_opposite_of_the_covariance_law()
    {
        double[] pi = [0.2369, 0.6439, 0.0871, 0.0321], r1 = [1, 1, 0, 0], r2 = [1, 0, 1, 1];
        double sum = pi.Sum();
        pi = [.. pi.Select(p => p / sum)];
        double[] s = [.. r1.Zip(r2, (a, b) => (a + b) / 2)];
        double Mean(double[] r) => pi.Zip(r, (p, value) => p * value).Sum();
        double covariance = pi.Select((p, i) => p * (r1[i] - Mean(r1)) * (s[i] - Mean(s))).Sum();
        Assert.InRange(covariance, 0.01405, 0.01415);

        // Logits move along the gradient of E[s]: dz_i = pi_i (s_i - E[s]).
        double[] moved = [.. pi.Select((p, i) => p * Math.Exp(1e-4 * p * (s[i] - Mean(s))))];
        double total = moved.Sum();
        double change = moved.Select((p, i) => p / total * r1[i]).Sum() - Mean(r1);
        Assert.InRange(change / 1e-4, -0.0025, -0.0023);

        // Sampled in proportion to pi (per mille), the measurement has the sign of the change, not of the covariance.
        int[] counts = [237, 644, 87, 32];
        int[] answers = [.. counts.SelectMany((count, i) => Enumerable.Repeat(i, count))];
        var scores = new double[answers.Length, 2];
        for (int b = 0; b < answers.Length; b++) { (scores[b, 0], scores[b, 1]) = (r1[answers[b]], r2[answers[b]]); }
        double[] ratios = [.. moved.Select((p, i) => p / total / pi[i])];
        var realised = RealisedImprovement.Compute(Signals(scores, [.. answers.Select(_ => 0)]), [.. answers.Select(i => Ratio(ratios[i]))], [0.5, 0.5]);
        Assert.True(realised.Change[0] < 0, $"{realised.Change[0]}");
        Assert.True(realised.Change[1] > 0, $"{realised.Change[1]}");
    }

    [Fact]
    public void A_fall_beyond_two_standard_errors_while_the_signal_rises_is_an_event_with_the_winner()
    {
        // Three prompts of two answers: the first has objective 0, the second objective 1; the second becomes likelier everywhere.
        double[,] scores = { { 1, 0 }, { 0, 1 }, { 1, 0 }, { 0, 1 }, { 1, 0 }, { 0, 1 } };
        double[] ratios = [0.9, 1.1, 0.91, 1.09, 0.89, 1.11];
        var measured = ratios.Select(ratio => Ratio(ratio)).ToArray();
        var realised = RealisedImprovement.Compute(Signals(scores, [0, 0, 1, 1, 2, 2]), measured, [0.2, 0.8]);
        Assert.Equal([(0, 1)], realised.Events);
        Assert.Equal(-0.05, realised.Change[0], 12);

        // With the weight on the loser the signal falls too: the step did not do what it was asked, which is another matter.
        Assert.Empty(RealisedImprovement.Compute(Signals(scores, [0, 0, 1, 1, 2, 2]), measured, [0.8, 0.2]).Events);

        // The same fall on average, but uncertain over prompts.
        double[] noisy = [0.5, 1.5, 1.3, 0.7, 0.9, 1.1];
        Assert.Empty(RealisedImprovement.Compute(Signals(scores, [0, 0, 1, 1, 2, 2]), [.. noisy.Select(ratio => Ratio(ratio))], [0.2, 0.8]).Events);
    }

    [Fact]
    public void Dropped_completions_count_for_nothing()
    {
        double[,] scores = { { 1, 0 }, { 0, 1 }, { double.NaN, 7 } };
        PostUpdateMeasurement[] measured = [Ratio(0.9, clipped: 1, unclipped: 2, active: 2), Ratio(1.1, clipped: 3, unclipped: 3), Ratio(50, clipped: 9, unclipped: 0, active: 0)];
        var realised = RealisedImprovement.Compute(Signals(scores, [0, 0, 0], [true, true, false]), measured, [0.5, 0.5]);
        Assert.Equal(-0.05, realised.Change[0], 12);
        Assert.Equal(0.05, realised.Change[1], 12);
        Assert.Equal(0.5, realised.ClipDistortion, 12);
        Assert.Equal(6.0 / 8, realised.ActiveFraction, 12);
    }

    [Fact]
    public void Post_update_weights_clip_as_the_policy_loss_does()
    {
        float[] old = [0, 0, 0, 0], present = [MathF.Log(1.5f), MathF.Log(0.5f), 0, MathF.Log(1.1f)];
        var up = PostUpdateMeasurement.Of(2, old, present, clipLow: 0.2, clipHigh: 0.2);
        Assert.Equal(2 * (0.5 + 1 + 1.1) / 4, up.Clipped, 6);
        Assert.Equal(2 * (1.5 + 0.5 + 1 + 1.1) / 4, up.Unclipped, 6);
        Assert.Equal(3, up.ActiveTokens);
        var down = PostUpdateMeasurement.Of(-2, old, present, clipLow: 0.2, clipHigh: 0.2);
        Assert.Equal(-2 * (1.5 + 1 + 1.1) / 4, down.Clipped, 6);
        Assert.Equal(Math.Log(1.5 * 0.5 * 1.1), down.LogRatio, 6);
        Assert.Equal(default, PostUpdateMeasurement.Of(2, [], [], 0.2, 0.2));
    }
}
