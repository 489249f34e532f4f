using Ctwa.Training.Datasets;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Datasets;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Runs on data files: changed data is refused on resume, overlong prompts are listed or left out.</summary>
public sealed class DataFileRunTests : IDisposable
{
    private sealed class Row
    {
        public string? Prompt { get; set; }

        public string? Answer { get; set; }
    }

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static List<Row> Rows(int count) => [.. new ArithmeticTask(7).Take(DatasetSplit.Train, count).Select(problem => new Row { Prompt = problem.Prompt, Answer = problem.GroundTruth })];

    private string Put(string name, List<Row> rows)
    {
        string path = Path.Combine(_folder, name);
        if (name.EndsWith(".parquet", StringComparison.Ordinal)) { File.WriteAllBytes(path, ParquetVariants.Write(rows, rowGroup: 10)); }
        else { File.WriteAllLines(path, rows.Select(row => System.Text.Json.JsonSerializer.Serialize(row))); }
        return path;
    }

    private static JobSpec Job(string train, int steps = 2)
    {
        var job = TinyJobs.Arithmetic(steps, warmStartSteps: 0, hidden: 8);
        return job with { Data = job.Data with { Train = new DataSourceSpec { Path = train, PromptField = "Prompt", AnswerField = "Answer" } } };
    }

    [Theory]
    [InlineData("train.jsonl")]
    [InlineData("train.parquet")]
    public async Task A_run_whose_data_file_changed_is_not_resumed_and_goes_on_when_the_file_is_back(string name)
    {
        var rows = Rows(20);
        string path = Put(name, rows);
        byte[] original = File.ReadAllBytes(path);
        var run = new RunFolder(Path.Combine(_folder, "run"), Job(path));
        await run.FinishAsync();
        string metrics = File.ReadAllText(run.In("metrics.jsonl"));

        Put(name, [.. rows.Skip(1), rows[0]]);
        var error = await Assert.ThrowsAsync<JobInputException>(() => run.AttemptAsync(changed: Job(path, steps: 4)));
        Assert.StartsWith($"the run cannot be resumed with other data than it began with: data.train '{path}' has 20 rows, ", error.Message, StringComparison.Ordinal);
        Assert.Contains("Put the original file back, or start a new run", error.Message, StringComparison.Ordinal);
        Assert.Equal(metrics, File.ReadAllText(run.In("metrics.jsonl")));

        File.WriteAllBytes(path, original);
        Assert.Equal(RunOutcome.Finished, await run.AttemptAsync(changed: Job(path, steps: 4)));
    }

    [Fact]
    public async Task A_run_that_died_before_its_first_checkpoint_is_bound_to_its_data_as_well()
    {
        var rows = Rows(20);
        string path = Put("train.jsonl", rows);
        var run = new RunFolder(Path.Combine(_folder, "run"), Job(path));
        await run.FinishAsync();
        Directory.Delete(run.In("checkpoints"), recursive: true);
        Put("train.jsonl", rows[..19]);
        Assert.Contains("has 19 rows", (await Assert.ThrowsAsync<JobInputException>(() => run.AttemptAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_may_move_while_its_bytes_stay()
    {
        string path = Put("train.jsonl", Rows(20)), moved = Path.Combine(_folder, "elsewhere.jsonl");
        var run = new RunFolder(Path.Combine(_folder, "run"), Job(path));
        await run.FinishAsync();
        File.Move(path, moved);
        Assert.Equal(RunOutcome.Finished, await run.AttemptAsync(changed: Job(moved, steps: 3)));
    }

    [Fact]
    public void A_checkpoint_of_an_earlier_version_has_no_record_and_is_not_refused() => DataFingerprints.Check(_folder, [new DataFingerprint("data.train", "x", 1, 1, "00")]);

    [Fact]
    public void A_damaged_record_is_named()
    {
        File.WriteAllText(Path.Combine(_folder, "data.json"), "[{");
        Assert.Contains("data.json' is damaged", Assert.Throws<RunDirectoryException>(() => DataFingerprints.Check(_folder, [])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train.jsonl", "train.jsonl:4 (")]
    [InlineData("train.parquet", "train.parquet: row 4 (")]
    public void Overlong_prompts_are_listed_with_their_rows_or_left_out_and_counted(string name, string expected)
    {
        var rows = Rows(30);
        for (int i = 3; i < 30; i += 2) { rows[i].Prompt = string.Join("+", Enumerable.Repeat("1", 12)) + "="; }
        var job = Job(Put(name, rows));
        string message = Assert.Throws<JobInputException>(() => PreparedJob.Prepare(job, _folder)).Message;
        Assert.StartsWith("data.train: 14 of 30 prompts are too long: data.max_prompt_tokens is 16, the longest has 24 tokens. They are ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.EndsWith("; and 6 more. Raise the limit to 24, or set data.overlong: drop.", message, StringComparison.Ordinal);

        var dropped = PreparedJob.Prepare(job with { Data = job.Data with { Overlong = OverlongPolicy.Drop } }, _folder);
        Assert.Equal((14, 16), (dropped.DroppedPrompts, dropped.TrainIndices.Length));
        Assert.All(dropped.TrainIndices, index => Assert.InRange(dropped.Tokenizer.Encode(rows[(int)index].Prompt!).Length, 1, 16));
    }
}
