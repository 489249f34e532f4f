using Ctwa.Training.Datasets;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

public sealed class ArithmeticWarmStartTests
{
    private const double Noise = 0.2;

    private static readonly ArithmeticTask s_task = new(seed: 1);

    private static readonly ArithmeticWarmStart s_warmStart = new(s_task, ArithmeticStyleMix.Default);

    private static readonly List<ArithmeticWarmStart.Solution> s_solutions = Draw(s_warmStart, curriculumSteps: 0);

    [Fact]
    public void Styles_have_their_shares()
    {
        Assert.Equal(1.0, ArithmeticStyleMix.Default.Shares.Sum(pair => pair.Share), 12);
        // 0.012 is 3.4 standard deviations of the largest share in 20,000 draws.
        Assert.All(ArithmeticStyleMix.Default.Shares, pair => Assert.Equal(pair.Share, Share(solution => solution.Style == pair.Style), 0.012));
        Assert.DoesNotContain(s_solutions, solution => solution.Style == ArithmeticStyle.ShortRamble);
    }

    [Fact]
    public void Right_styles_box_the_answer_but_for_the_noise_and_shortcuts_never_do()
    {
        var right = s_solutions.Where(solution => ArithmeticSolutionWriter.IsCorrect(solution.Style)).ToList();
        Assert.All(right, solution => Assert.Equal(!solution.Corrupted, Boxed(solution.Response) == ArithmeticOracle.Values(solution.Problem.Prompt)[^1]));
        Assert.Equal(Noise, right.Count(solution => solution.Corrupted) / (double)right.Count, 0.015);
        Assert.Equal(9, right.Where(solution => solution.Corrupted).Select(solution => (Boxed(solution.Response) - solution.Problem.Answer + 10) % 10).Distinct().Count());

        var shortcuts = s_solutions.Where(solution => !ArithmeticSolutionWriter.IsCorrect(solution.Style));
        Assert.All(shortcuts, solution =>
        {
            Assert.False(solution.Corrupted);
            Assert.NotEqual(ArithmeticOracle.Values(solution.Problem.Prompt)[^1], Boxed(solution.Response));
        });
    }

    [Fact]
    public void Every_equation_written_is_the_next_step_of_its_problem()
    {
        Assert.All(s_solutions, solution =>
        {
            int[] values = ArithmeticOracle.Values(solution.Problem.Prompt);
            var words = solution.Response.Split([' ', '\n']).Where(word => word.Contains('=', StringComparison.Ordinal)).ToList();
            for (int i = 0; i < words.Count; i++)
            {
                Assert.Equal($"{values[i]}{solution.Problem.Prompt.Substring(1 + (2 * i), 2)}={values[i + 1]}", words[i]);
            }

            int steps = values.Length - 1;
            switch (solution.Style)
            {
                case ArithmeticStyle.FormatOnly or ArithmeticStyle.BareBox: Assert.Empty(words); break;
                case ArithmeticStyle.StopsEarly: Assert.InRange(steps - words.Count, 1, 2); break;
                default: Assert.Equal(steps, words.Count); break;
            }
        });
    }

    [Fact]
    public void Numbered_styles_show_numbered_lines_and_the_others_show_no_marker_at_all()
    {
        Assert.All(s_solutions.Concat(Draw(s_warmStart, curriculumSteps: int.MaxValue)), solution =>
        {
            if (solution.Style is ArithmeticStyle.Ramble or ArithmeticStyle.ShortRamble or ArithmeticStyle.BareBox)
            {
                Assert.Equal(0, ArithmeticOracle.Markers(solution.Response));
                return;
            }

            // Two consecutive numbered lines satisfy the strictest reading of "written in steps".
            string[] lines = solution.Response.Split('\n')[..^1];
            Assert.True(lines.Length >= 2, solution.Response);
            for (int i = 0; i < lines.Length; i++) { Assert.StartsWith($"{i + 1}. ", lines[i], StringComparison.Ordinal); }
        });
    }

    [Fact]
    public void Lengths_in_tokens_put_the_mean_between_shortcuts_and_right_solutions()
    {
        double Mean(ArithmeticStyle style, int terms) =>
            s_solutions.Where(solution => solution.Style == style && solution.Problem.Values.Count == terms).Average(solution => Length(solution.Response));
        Assert.Equal(33.0, s_solutions.Average(solution => Length(solution.Response)), 0.5);
        Assert.Equal((9.0, 9.0), (Mean(ArithmeticStyle.FormatOnly, 4), Mean(ArithmeticStyle.FormatOnly, 5)));
        Assert.Equal((4.0, 4.0), (Mean(ArithmeticStyle.BareBox, 4), Mean(ArithmeticStyle.BareBox, 5)));
        Assert.Equal((23.0, 29.0), (Mean(ArithmeticStyle.NumberedCompact, 4), Mean(ArithmeticStyle.NumberedCompact, 5)));
        Assert.Equal(17.0, Mean(ArithmeticStyle.StopsEarly, 4));
        Assert.Equal(20.0, Mean(ArithmeticStyle.StopsEarly, 5), 0.6);
        Assert.Equal(43.0, Mean(ArithmeticStyle.Ramble, 4), 0.3);
        Assert.Equal(56.0, Mean(ArithmeticStyle.Ramble, 5), 0.3);
        Assert.InRange(s_solutions.Max(solution => Length(solution.Response)), 50, 64);
    }

    [Fact]
    public void The_curriculum_shows_only_short_right_solutions_and_ends_at_its_step()
    {
        var early = Draw(s_warmStart, curriculumSteps: int.MaxValue);
        Assert.All(early, solution =>
        {
            Assert.True(solution.Style is ArithmeticStyle.NumberedCompact or ArithmeticStyle.ShortRamble);
            Assert.Equal(solution.Problem.Answer, Boxed(solution.Response));
            Assert.InRange(Length(solution.Response), 22, 29);
        });
        Assert.Equal(0.5, early.Count(solution => solution.Style == ArithmeticStyle.ShortRamble) / (double)early.Count, 0.012);

        var changing = Draw(s_warmStart, curriculumSteps: 300);
        Assert.Equal(early.Take(300 * 32).Select(solution => solution.Response), changing.Take(300 * 32).Select(solution => solution.Response));
        Assert.Equal(s_solutions.Skip(300 * 32).Select(solution => solution.Response), changing.Skip(300 * 32).Select(solution => solution.Response));
    }

    [Fact]
    public void An_example_depends_on_seed_step_and_index_alone()
    {
        var again = new ArithmeticWarmStart(new ArithmeticTask(seed: 1), ArithmeticStyleMix.Default);
        Assert.Equal(s_solutions[(17 * 32) + 5].Response, again.At(17, 5, 0, Noise).Response);
        Assert.True(s_solutions.Select(solution => (solution.Problem.Prompt, solution.Response)).Distinct().Count() > 15_000);
        var other = new ArithmeticWarmStart(new ArithmeticTask(seed: 2), ArithmeticStyleMix.Default);
        Assert.NotEqual(s_solutions.Take(20).Select(solution => solution.Response), Draw(other, 0).Take(20).Select(solution => solution.Response));
    }

    [Fact]
    public void Long_chains_are_numbered_beyond_the_merged_line_numbers()
    {
        var solution = Draw(new ArithmeticWarmStart(new ArithmeticTask(seed: 1, 12, 12), ArithmeticStyleMix.Default), int.MaxValue).First(s => s.Style == ArithmeticStyle.NumberedCompact);
        Assert.Equal(Enumerable.Range(1, 11).Select(n => $"{n}."), solution.Response.Split('\n')[..^1].Select(line => line.Split(' ')[0]));
    }

    /// <summary>Pinned: a change here changes what every warm start imitates.</summary>
    [Fact]
    public void The_texts_of_seed_1_stay_what_they_are()
    {
        string First(ArithmeticStyle style)
        {
            var solution = s_solutions.First(solution => solution.Style == style && !solution.Corrupted);
            return solution.Problem.Prompt + solution.Response;
        }

        Assert.Equal("5+1*3+1=?\nnow here that is well i think that is we get i think 5+1=6 so well let me see hmm ok that is i think 6*3=8 and well hmm let me see that is ok hmm now we get 8+1=9\n\\boxed{9}", First(ArithmeticStyle.Ramble));
        Assert.Equal("9+2*7+3=?\n1. sum\n2. sum\n\\boxed{1}", First(ArithmeticStyle.FormatOnly));
        Assert.Equal("2*7+1+4*3=?\n1. we get ok that is well here well we get 2*7=4\n2. that is we get hmm that is well we get hmm that is 4+1=5\n3. ok let me see well we get let me see here i think now 5+4=9\n4. we get now i think well that is well 9*3=7\n\\boxed{7}", First(ArithmeticStyle.NumberedLong));
        Assert.Equal("8+3+2+1*3=?\n1. 8+3=1\n2. 1+2=3\n3. 3+1=4\n4. 4*3=2\n\\boxed{2}", First(ArithmeticStyle.NumberedCompact));
        Assert.Equal("6+4+3*3+2=?\n\\boxed{0}", First(ArithmeticStyle.BareBox));
        Assert.Equal("6*7+2+1+4=?\n1. 6*7=2\n2. 2+2=4\n\\boxed{4}", First(ArithmeticStyle.StopsEarly));
    }

    private static List<ArithmeticWarmStart.Solution> Draw(ArithmeticWarmStart warmStart, int curriculumSteps) =>
        [.. from step in Enumerable.Range(0, 625) from index in Enumerable.Range(0, 32) select warmStart.At(step, index, curriculumSteps, Noise)];

    private static double Share(Func<ArithmeticWarmStart.Solution, bool> predicate) => s_solutions.Count(predicate) / (double)s_solutions.Count;

    private static int Boxed(string response)
    {
        Assert.EndsWith("}", response, StringComparison.Ordinal);
        Assert.Equal("\\boxed{", response[^9..^2]);
        return response[^2] - '0';
    }

    // The end-of-text token is part of a response's length.
    private static int Length(string response) => PieceMatcher.Tokenize(response).Count + 1;
}
