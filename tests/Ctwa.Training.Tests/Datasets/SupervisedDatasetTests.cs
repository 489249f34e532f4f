using Ctwa.Training.Datasets;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

public sealed class SupervisedDatasetTests : IDisposable
{
    private static readonly DataSourceSpec s_arithmetic = new() { Task = BuiltInTask.Arithmetic };

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_task_follows_the_stage_s_curriculum_and_noise()
    {
        var stage = new SupervisedSpec { Steps = 10, BatchSize = 64, CurriculumSteps = 3, AnswerNoise = 0.5 };
        var data = SupervisedDataset.Open(stage, s_arithmetic, seed: 1, "warm_start");
        var direct = new ArithmeticWarmStart(new ArithmeticTask(1), ArithmeticStyleMix.Default);
        for (int step = 0; step < 6; step++)
        {
            for (int index = 0; index < 64; index++)
            {
                var solution = direct.At(step, index, 3, 0.5);
                Assert.Equal(new SupervisedExample(solution.Problem.Prompt, solution.Response), data.At(step, index));
            }
        }
    }

    [Fact]
    public void A_task_s_count_bounds_the_different_problems_and_without_it_all_training_problems_are_drawn_from()
    {
        int Distinct(int? count)
        {
            var data = SupervisedDataset.Open(new() { Steps = 1, BatchSize = 4_000 }, s_arithmetic with { Count = count }, 1, "warm_start");
            return Enumerable.Range(0, 4_000).Select(index => data.At(0, index).Prompt).Distinct().Count();
        }

        Assert.Equal(50, Distinct(50));
        Assert.InRange(Distinct(null), 2_000, 4_000);
    }

    [Fact]
    public void Supervised_problems_are_never_held_out_ones()
    {
        var heldOut = new[] { DatasetSplit.Validation, DatasetSplit.Test }.SelectMany(split => new ArithmeticTask(1).Take(split, int.MaxValue)).Select(problem => problem.Prompt).ToHashSet();
        var data = SupervisedDataset.Open(new() { Steps = 750 }, s_arithmetic, 1, "warm_start");
        Assert.DoesNotContain(Enumerable.Range(0, 750).SelectMany(step => Enumerable.Range(0, 32).Select(index => data.At(step, index).Prompt)), heldOut.Contains);
    }

    [Fact]
    public void Rows_of_a_file_come_once_per_pass_across_steps()
    {
        string path = Path.Combine(_folder, "rows.jsonl");
        File.WriteAllLines(path, Enumerable.Range(0, 10).Select(i => $"{{\"question\":\"q{i}\",\"text\":\"r{i}\"}}"));
        var source = new DataSourceSpec { Path = path, PromptField = "question", AnswerField = "text" };
        var data = SupervisedDataset.Open(new() { Steps = 10, BatchSize = 4, Data = source }, s_arithmetic, 1, "supervised");
        var read = Enumerable.Range(0, 20).SelectMany(step => Enumerable.Range(0, 4).Select(index => data.At(step, index))).ToList();
        foreach (var pass in read.Chunk(10))
        {
            Assert.Equal(Enumerable.Range(0, 10).Select(i => new SupervisedExample($"q{i}", $"r{i}")), pass.OrderBy(row => row.Prompt, StringComparer.Ordinal));
        }

        Assert.NotEqual(read[..10], read[10..20]);
        Assert.Throws<ArgumentOutOfRangeException>(() => data.At(0, 4));
    }

    [Fact]
    public void Errors_name_the_key_that_the_source_comes_from()
    {
        var stage = new SupervisedSpec { Steps = 1 };
        Assert.StartsWith("data.train must name", Assert.Throws<DatasetException>(() => SupervisedDataset.Open(stage, new(), 1, "warm_start")).Message, StringComparison.Ordinal);
        Assert.StartsWith("warm_start.data must name", Assert.Throws<DatasetException>(() => SupervisedDataset.Open(stage with { Data = new() }, s_arithmetic, 1, "warm_start")).Message, StringComparison.Ordinal);
    }
}
