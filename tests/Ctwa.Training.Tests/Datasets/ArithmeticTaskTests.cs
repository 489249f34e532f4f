using Ctwa.Training.Datasets;
using Ctwa.Training.Randomness;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

public sealed class ArithmeticTaskTests
{
    [Fact]
    public void Twenty_thousand_training_problems_share_none_with_the_held_out_parts()
    {
        var task = new ArithmeticTask(seed: 1, 4, 6);
        var train = Prompts(task.Take(DatasetSplit.Train, 20_000));
        var validation = Prompts(task.Take(DatasetSplit.Validation, 1_500));
        var test = Prompts(task.Take(DatasetSplit.Test, 1_500));
        Assert.Equal((20_000, 1_500, 1_500), (train.Count, validation.Count, test.Count));
        Assert.Equal(23_000, train.Concat(validation).Concat(test).Distinct().Count());
    }

    [Fact]
    public void A_problem_held_out_under_one_seed_and_length_range_is_held_out_under_every_other()
    {
        var heldOut = Prompts(new ArithmeticTask(seed: 1).Take(DatasetSplit.Validation, 1000)).Concat(Prompts(new ArithmeticTask(seed: 1).Take(DatasetSplit.Test, 1000))).ToHashSet();
        Assert.DoesNotContain(Prompts(new ArithmeticTask(seed: 2, 3, 5).Take(DatasetSplit.Train, 20_000)), heldOut.Contains);
    }

    [Fact]
    public void About_thirteen_problems_of_256_go_to_each_held_out_part()
    {
        var task = new ArithmeticTask(seed: 1, 5, 6);
        int[] counts = [.. Enum.GetValues<DatasetSplit>().Select(split => task.Take(split, int.MaxValue).Count)];
        double all = counts.Sum();
        // Two standard deviations of a share of 0.0508 in about 58,000 problems are 0.0018.
        Assert.InRange(counts[(int)DatasetSplit.Validation] / all, 0.0478, 0.0538);
        Assert.InRange(counts[(int)DatasetSplit.Test] / all, 0.0478, 0.0538);
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(4, 5)]
    [InlineData(16, 16)]
    public void The_answer_is_that_of_the_text_and_no_value_on_the_way_equals_it(int minTerms, int maxTerms)
    {
        foreach (var problem in new ArithmeticTask(seed: 3, minTerms, maxTerms).Take(DatasetSplit.Train, 3_000))
        {
            int[] values = ArithmeticOracle.Values(problem.Prompt);
            Assert.InRange(values.Length, minTerms, maxTerms);
            Assert.Equal(values, problem.Values);
            Assert.Equal(values[^1].ToString(System.Globalization.CultureInfo.InvariantCulture), problem.GroundTruth);
            Assert.DoesNotContain(values[^1], values[..^1]);
        }
    }

    [Fact]
    public void The_whole_space_is_found_each_problem_once()
    {
        int expected = 0;
        for (int terms = 4; terms <= 5; terms++)
        {
            for (long code = 0; code < ArithmeticProblem.CodeCount(terms); code++)
            {
                int[] values = ArithmeticOracle.Values(ArithmeticProblem.FromCode(terms, code).Prompt);
                expected += values.AsSpan(0, terms - 1).Contains(values[^1]) ? 0 : 1;
            }
        }

        var task = new ArithmeticTask(seed: 5);
        var found = Enum.GetValues<DatasetSplit>().SelectMany(split => Prompts(task.Take(split, int.MaxValue))).ToList();
        Assert.Equal(10_300, expected);
        Assert.Equal(expected, found.Count);
        Assert.Equal(expected, found.Distinct().Count());
    }

    [Fact]
    public void Both_lengths_are_equally_likely_while_both_have_problems_left()
    {
        var problems = new ArithmeticTask(seed: 1).Take(DatasetSplit.Train, 2_048);
        Assert.InRange(problems.Count(problem => problem.Values.Count == 4), 1_024 - 70, 1_024 + 70);
        var drawn = Enumerable.Range(0, 4_000).Select(i => new ArithmeticTask(seed: 1).Draw(DatasetSplit.Train, RandomPurpose.Test, 0, i));
        Assert.InRange(drawn.Count(problem => problem.Values.Count == 4), 2_000 - 100, 2_000 + 100);
    }

    [Fact]
    public void Asking_for_more_problems_does_not_change_the_earlier_ones()
    {
        var few = Prompts(new ArithmeticTask(seed: 9).Take(DatasetSplit.Train, 100));
        Assert.Equal(few, Prompts(new ArithmeticTask(seed: 9).Take(DatasetSplit.Train, 9_000)).Take(100));
        Assert.NotEqual(few, Prompts(new ArithmeticTask(seed: 10).Take(DatasetSplit.Train, 100)));
    }

    [Fact]
    public void Drawn_problems_belong_to_the_part_they_are_drawn_from()
    {
        var task = new ArithmeticTask(seed: 1);
        var train = Prompts(task.Take(DatasetSplit.Train, int.MaxValue)).ToHashSet();
        Assert.All(Enumerable.Range(0, 5_000), i => Assert.Contains(task.Draw(DatasetSplit.Train, RandomPurpose.Test, 7, i).Prompt, train));
    }

    /// <summary>Pinned: a change here changes what every seed of every published run means.</summary>
    [Fact]
    public void The_first_problems_of_seed_1_stay_what_they_are()
    {
        var task = new ArithmeticTask(seed: 1);
        Assert.Equal(["0+2+2+2+3=?\n", "5+4*3+1+3=?\n", "5*7+4+4=?\n", "1+2*3*3=?\n"], Prompts(task.Take(DatasetSplit.Train, 4)));
        Assert.Equal(["4+1*3*3+4=?\n", "4+3*7*7=?\n"], Prompts(task.Take(DatasetSplit.Validation, 2)));
        Assert.Equal(["5+4+3+2=?\n", "1+1+3+3*3=?\n"], Prompts(task.Take(DatasetSplit.Test, 2)));
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(4, 17)]
    [InlineData(5, 4)]
    public void An_impossible_range_of_terms_is_refused(int minTerms, int maxTerms)
    {
        var error = Assert.Throws<DatasetException>(() => new ArithmeticTask(1, minTerms, maxTerms));
        Assert.Contains($"min_terms {minTerms} and max_terms {maxTerms}", error.Message, StringComparison.Ordinal);
    }

    private static List<string> Prompts(IEnumerable<ArithmeticProblem> problems) => [.. problems.Select(problem => problem.Prompt)];
}
