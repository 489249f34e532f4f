using System.Text.Json;
using Ctwa.Training.Specification;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Rewards;

public sealed class ResponseLengthStatisticsTests
{
    private static readonly ResponseLengthStatistics Corrected = new(), Reference = new() { Mode = MethodMode.Reference };

    [Fact]
    public void The_current_batch_is_not_in_its_own_yardstick_though_it_is_in_the_reference()
    {
        Assert.Equal(10, Corrected.Next([10, 10]).ThresholdFor([2, 2]));
        Assert.Equal(6, Reference.Next([10, 10]).ThresholdFor([2, 2]));
    }

    [Fact]
    public void Before_any_history_a_batch_is_compared_with_its_own_mean() => Assert.Equal(4, Corrected.ThresholdFor([2, 3, 7]));

    [Fact]
    public void The_mean_is_kept_in_float64_which_the_reference_rounds_to_float32()
    {
        Assert.Equal(28.0 / 3, Corrected.Next([9, 9, 10]).ThresholdFor([1]));
        Assert.Equal((double)(29f / 4), Reference.Next([9, 9, 10]).ThresholdFor([1]));
        Assert.Equal((double)(float)(28.0 / 3), Reference.ThresholdFor([9, 9, 10]));
    }

    [Fact]
    public void Validation_before_training_is_not_one_for_everybody_as_in_the_reference()
    {
        int[] lengths = [4, 8];
        double[] Scores(MethodMode mode, ResponseLengthStatistics statistics) =>
            [.. lengths.Select(length => new ConcisenessReward(mode).Score(new("", "", length, ""), new(statistics.ValidationThresholdFor(lengths, firstMean: null))))];
        Assert.Equal([1, 1], Scores(MethodMode.Reference, Reference));
        Assert.Equal([1, 0], Scores(MethodMode.Corrected, Corrected));
    }

    [Fact]
    public void Every_validation_is_compared_with_the_mean_of_the_first()
    {
        var statistics = Corrected.Next([100]);
        Assert.Equal(6, statistics.ValidationThresholdFor([4, 8], firstMean: null));
        Assert.Equal(6, statistics.ValidationThresholdFor([1, 1], firstMean: 6));
        Assert.Equal(100, statistics.ThresholdFor([1]));
    }

    [Fact]
    public void Decay_forgets_whole_steps()
    {
        Assert.Equal(((0.5 * 20) + 4) / ((0.5 * 2) + 1), (Corrected with { Decay = 0.5 }).Next([10, 10]).Next([4]).ThresholdFor([1]));
        Assert.Equal(4, (Corrected with { Decay = 0 }).Next([10, 10]).Next([4]).ThresholdFor([1]));
        Assert.Equal(8, Corrected.Next([10, 10]).Next([4]).ThresholdFor([1]));
    }

    [Property]
    public bool Asking_for_thresholds_changes_nothing_and_a_json_round_trip_is_exact(byte first, byte[] second, byte decay)
    {
        var statistics = (Corrected with { Decay = decay / 255.0 }).Next([first, 3]).Next([.. second.Select(length => (int)length), 7]);
        double threshold = statistics.ThresholdFor([5]);
        statistics.ValidationThresholdFor([1000], first);
        var again = JsonSerializer.Deserialize<ResponseLengthStatistics>(JsonSerializer.Serialize(statistics))!;
        return again == statistics && again.ThresholdFor([5]) == threshold && again.Next([9]) == statistics.Next([9]);
    }

    [Fact]
    public void An_empty_batch_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Corrected.ThresholdFor([]));
        Assert.Throws<ArgumentException>(() => Corrected.Next([]));
    }

    [Fact]
    public void Settings_come_from_the_conciseness_objective_and_two_that_differ_are_refused()
    {
        static ObjectiveSpec Of(string name, RewardSpec reward) => new() { Name = name, Reward = reward };
        var half = new ConcisenessRewardSpec { Decay = 0.5 };
        Assert.Equal(0.5, ResponseLengthStatistics.Start([Of("a", new MathBoxedRewardSpec()), Of("b", half), Of("c", half)]).Decay);
        Assert.Equal(1.0, ResponseLengthStatistics.Start([Of("a", new MathBoxedRewardSpec())]).Decay);
        Assert.Contains("2 conciseness objectives", Assert.Throws<ArgumentException>(() => ResponseLengthStatistics.Start([Of("a", half), Of("b", new ConcisenessRewardSpec())])).Message, StringComparison.Ordinal);
    }
}
